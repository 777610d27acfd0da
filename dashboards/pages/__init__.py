"""The pages: each turns the facts of an edition and an address into a title and its content."""
