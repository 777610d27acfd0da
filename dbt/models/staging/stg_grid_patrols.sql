{{ staged('grid_patrols') }}
