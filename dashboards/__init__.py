"""What people see: the pages over the published edition. They read editions, and nothing else of the warehouse."""
