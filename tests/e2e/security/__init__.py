"""Who gets where: every door of the hub, tried with every key."""
