{{ staged('civil_equipment') }}
