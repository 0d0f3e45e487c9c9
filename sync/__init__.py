"""What makes the rules true: it looks at a ticket, does what is owed and writes it down on the ticket."""
