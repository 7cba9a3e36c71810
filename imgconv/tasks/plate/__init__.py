"""Plates: what file names say of wells and sites, and tables of wells."""
