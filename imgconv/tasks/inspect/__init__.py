"""What a network has learnt and looks at: filters, maps, fields, and what decides."""
