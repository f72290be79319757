"""The rules of stock as values and pure functions. Imports the standard library and chassis.errors only."""
