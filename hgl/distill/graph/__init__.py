"""Distilling graphs with one kind of node (VQGraph, GLNN, NOSMOG): the relational control."""
