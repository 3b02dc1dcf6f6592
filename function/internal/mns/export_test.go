package mns

// Codes is the table of codes.
var Codes = codes
