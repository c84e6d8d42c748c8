"""The GraphQL face of the mirror, built from what the plugins declared."""
