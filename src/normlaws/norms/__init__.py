"""Model -> operators -> norms and margins."""
