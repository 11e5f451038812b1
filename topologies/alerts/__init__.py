"""What people do with alerts: look at them and acknowledge them."""
