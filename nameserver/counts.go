package nameserver

// Counts are what an Engine has done since it was made.
type Counts struct {
	Queries   uint64 // datagrams and messages that were looked at
	Answers   uint64 // that were given, truncated ones included
	Ignored   uint64 // no query, or nothing that could be answered
	Truncated uint64 // did not fit and say so
	Limited   uint64 // not given because of the rate limit
	Slipped   uint64 // given empty and truncated instead, because of the rate limit
	Streams   uint64 // queries that came over a stream
	DNSSEC    uint64 // queries with DO
	Cookies   uint64 // queries with a cookie of ours that is right

	ByRCODE [16]uint64 // BADVERS and BADCOOKIE count as 14 and 15
	// ByType counts questions of class IN: the types below 256 one by one, all others as 0.
	ByType [256]uint64
}

// What is counted, as places in arrays.
const (
	countQueries = iota
	countAnswers
	countIgnored
	countTruncated
	countLimited
	countSlipped
	countStreams
	countDNSSEC
	countCookies
	countRCODE
	countType = countRCODE + 16
	countEnd  = countType + 256
)

func (c *Counts) add(what int, n uint64) {
	switch {
	case what >= countType:
		c.ByType[what-countType] += n
	case what >= countRCODE:
		c.ByRCODE[what-countRCODE] += n
	default:
		*[...]*uint64{
			&c.Queries, &c.Answers, &c.Ignored, &c.Truncated, &c.Limited, &c.Slipped, &c.Streams, &c.DNSSEC, &c.Cookies,
		}[what] += n
	}
}
