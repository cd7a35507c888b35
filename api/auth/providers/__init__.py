"""By what people sign in: each provider sends them to where they do, and tells who came back."""
