package rds

// Codes is the table of codes.
var Codes = codes
