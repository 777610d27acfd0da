{{ staged('civil_village_works') }}
