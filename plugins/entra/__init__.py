"""People of Microsoft Entra."""
