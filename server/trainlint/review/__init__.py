"""What of a check is shown in a review: findings that are new, by a list of known ones or by the lines that changed."""
