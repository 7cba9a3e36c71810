"""What a picture shows: the likeliest classes, and numbers read digit by digit."""
