"""One function per loss; each gives sums or per-item values, and the criterion divides and weighs them."""
