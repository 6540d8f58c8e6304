package octodns

import "strings"

// geoCountries lists the countries of each continent as octoDNS has them (octodns/record/geo_data.py).
var geoCountries = map[string]string{
	"AF": "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS LY MA MG ML MR MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT ZA ZM ZW",
	"AN": "AQ BV HM TF",
	"AS": "AE AF AM AZ BD BH BN BT CC CN CX CY GE HK ID IL IN IO IQ IR JO JP KG KH KP KR KW KZ LA LB LK MM MN MO MV MY NP OM PH PK PS QA SA SG SY TH TJ TL TM TR TW UZ VN YE",
	"EU": "AD AL AT AX BA BE BG BY CH CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA",
	"NA": "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS MX NI PA PM PR SV SX TC TT US VC VG VI",
	"OC": "AS AU CK FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV UM VU WF WS",
	"SA": "AR BO BR CL CO EC FK GF GS GY PE PY SR UY VE",
}

// geoSubdivisions lists the subdivisions that exist.
var geoSubdivisions = map[string]string{
	"US": "AK AL AR AS AZ CA CO CT DC DE FL GA GU HI IA ID IL IN KS KY LA MA MD ME MI MN MO MP MS MT NC ND NE NH NJ NM NV NY OH OK OR PA PR RI SC SD TN TX UM UT VA VI VT WA WI WV WY",
	"CA": "AB BC MB NB NL NS NT NU ON PE QC SK YT",
}

// geoProblem tells what is wrong with a geo code, "" for a good one.
func geoProblem(code string) string {
	parts := strings.Split(code, "-")
	if len(parts) > 3 {
		return `invalid geo code "` + code + `"`
	}
	countries, ok := geoCountries[parts[0]]
	if !ok {
		return `unknown continent code "` + code + `"`
	}
	if len(parts) > 1 && !inList(countries, parts[1]) {
		return `unknown country code "` + code + `"`
	}
	if len(parts) > 2 && !inList(geoSubdivisions[parts[1]], parts[2]) {
		return `unknown province code "` + code + `"`
	}
	return ""
}

// inList reports whether word stands in a list whose words are two letters each.
func inList(list, word string) bool {
	if len(word) != 2 {
		return false
	}
	for i := 0; i+2 <= len(list); i += 3 {
		if list[i:i+2] == word {
			return true
		}
	}
	return false
}

// geoShape reports whether code looks like the code of a legacy geo block: two word characters,
// up to three times; whether the places exist is not looked at.
func geoShape(code string) bool {
	parts := strings.Split(code, "-")
	for _, p := range parts {
		if len(p) != 2 || !isWord(p[0]) || !isWord(p[1]) {
			return false
		}
	}
	return len(parts) <= 3
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}
