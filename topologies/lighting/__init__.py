"""Street lights: whether they burn as their segment's plan says, what they use, and what is wrong with them."""
