{{ staged('grid_duty') }}
