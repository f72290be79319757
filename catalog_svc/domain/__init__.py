"""Rules of the catalogue as values and pure functions; standard library and chassis.errors only."""
