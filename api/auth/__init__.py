"""Who asks: sign-in, sessions and tokens, and the admission of requests."""
