// Package atomicfile replaces files so that a crash leaves the old content or the new and nothing
// in between, and lets one writer at a time at a folder.
//
// In flow a path and the bytes that are to stand there; out flows nothing but an error. Mode and,
// where that is allowed, owner of an existing file are kept, and a symbolic link stays one. The
// package does not know what the files hold, makes no folders and never follows a name out of what
// it was given but through links that stand there already.
//
//	unlock, err := atomicfile.Lock(ctx, filepath.Join(dir, atomicfile.LockName))
//	if err != nil {
//		return err
//	}
//	defer unlock()
//	return atomicfile.Replace(filepath.Join(dir, "example.org.yaml"), data)
package atomicfile
