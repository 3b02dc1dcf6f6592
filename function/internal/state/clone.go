package state

import "reflect"

// Clone returns a copy that shares nothing that can be changed with the document.
func (d *Document) Clone() *Document {
	unshare(reflect.ValueOf(&d).Elem())
	return d
}

// unshare puts a copy in the place of all that a value shares with others.
func unshare(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			own := reflect.New(v.Type().Elem())
			own.Elem().Set(v.Elem())
			unshare(own.Elem())
			v.Set(own)
		}
	case reflect.Slice:
		own := reflect.AppendSlice(reflect.Zero(v.Type()), v)
		for n := range own.Len() {
			unshare(own.Index(n))
		}
		v.Set(own)
	case reflect.Map:
		if !v.IsNil() {
			own := reflect.MakeMap(v.Type())
			for entries := v.MapRange(); entries.Next(); {
				value := reflect.New(v.Type().Elem()).Elem()
				value.Set(entries.Value())
				unshare(value)
				own.SetMapIndex(entries.Key(), value)
			}
			v.Set(own)
		}
	case reflect.Struct:
		for n := range v.NumField() {
			if f := v.Field(n); f.CanSet() { // what a time holds cannot be changed
				unshare(f)
			}
		}
	}
}
