"""The city's rules: what is too full, too hot, too long, where and from when on; read from one file, `city.toml`."""
