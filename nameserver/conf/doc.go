// Package conf reads the configuration file of the name server, zonecast nameserver --config FILE:
// everything that the command's flags say, and what they cannot: keys, peers, zones that are held
// here or transferred in, catalogs, updates, the control interface.
//
// In flow the bytes of one YAML file and what its secrets refer to; out flow options of package
// nameserver/serve, or findings with places.
//
//	c, findings := conf.Load("nameserver.yaml", nil)
//	options, err := c.Serve()
//
// The structs of the file (File and below) are the one table: their tags are what Parse reads by,
// what Schema tells editors and what Reference tells people.
//
// The package opens no socket, reads no zone, and shows no secret.
package conf
