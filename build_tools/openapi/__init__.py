"""Makes the OpenAPI 3.1 document of the JSON API, and the pages that show it, from the descriptor set.

`schemas` and `constraints` describe values, `examples` invents them, `operations` describes calls, `document` joins all.
"""
