{{ staged('police_case_returns') }}
