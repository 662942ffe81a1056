"""Adapters: command line, web server, chat, widget. No logic of their own."""
