"""Chemistry: compositions, spacer cations, stock solutions and how to mix them."""
