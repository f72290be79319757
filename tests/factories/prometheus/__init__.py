"""As much of Prometheus as the hub's rules and dashboards use: reading what is scraped, and evaluating expressions over it.

It stands in for the real one so that the tests need nothing but Python. Where it is simpler (rates are not extrapolated to the
edges of their window) it is so for expressions that ask whether something is above or below a bound.
"""
