"""The notifier: reads the alert topics and tells people, by webhook and e-mail."""
