"""What tests of stock share, whether they talk to the service alone or to a whole hub."""
