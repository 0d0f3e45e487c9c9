"""The vendors in a box: small stateful emulators that speak the products' own HTTP APIs on loopback."""
