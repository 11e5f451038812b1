"""Water levels in wells: from pressure, column or distance to metres above NHN, and alerts about them."""
