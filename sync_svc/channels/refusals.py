"""What connectors refuse by themselves, in words for a person."""

PRICE_MISSING = "A listing needs a price before it can be created."
NOT_LISTED = "The platform does not have this listing, and the channel's option create_listings is off."
