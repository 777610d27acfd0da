"""What is expected of delivered data: contracts, and the Great Expectations suites derived from them."""
