package route53

import (
	"maps"
	"slices"
	"strings"
)

// location is a point in degrees, as Corefiles have it.
type location string

// regions are the places of AWS's regions. AWS publishes the city, state or country that each lies in, and no more
// (https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html). The coordinates are those of
// that city, or of a city whose surroundings have the data centres in that state or country, to two decimals as
// GeoNames has them.
//
// Each was compared with public lists that others keep for latencies: terraform/sellers/amazon of
// github.com/networknext/next, which lacks China, GovCloud and the sovereign cloud, and time_probe/aws_data.py of
// github.com/lopoc/defcon31, which has the regions of 2022, Beijing and Zhongwei among them. They are less than 50 km
// apart, except where a list has the middle of a state or country: Ohio, Ireland, Mexico, Malaysia, Thailand and the
// Emirates. No list has GovCloud and the sovereign cloud. AWS places them in Ohio, in the Northwest, and in
// Brandenburg, so that these are the least exact; tens of kilometres hardly ever change which region is nearest.
var regions = map[string]location{
	"af-south-1":     "-33.93,18.42",  // Cape Town
	"ap-east-1":      "22.28,114.18",  // Hong Kong
	"ap-east-2":      "25.05,121.53",  // Taipei
	"ap-northeast-1": "35.69,139.69",  // Tokyo
	"ap-northeast-2": "37.57,126.98",  // Seoul
	"ap-northeast-3": "34.69,135.5",   // Osaka
	"ap-south-1":     "19.07,72.88",   // Mumbai
	"ap-south-2":     "17.38,78.46",   // Hyderabad
	"ap-southeast-1": "1.29,103.85",   // Singapore
	"ap-southeast-2": "-33.87,151.21", // Sydney
	"ap-southeast-3": "-6.21,106.85",  // Jakarta
	"ap-southeast-4": "-37.81,144.96", // Melbourne
	"ap-southeast-5": "3.14,101.69",   // Kuala Lumpur
	"ap-southeast-6": "-36.85,174.76", // Auckland
	"ap-southeast-7": "13.75,100.5",   // Bangkok
	"ca-central-1":   "45.51,-73.59",  // Montreal
	"ca-west-1":      "51.05,-114.09", // Calgary
	"cn-north-1":     "39.91,116.4",   // Beijing
	"cn-northwest-1": "37.51,105.18",  // Zhongwei, Ningxia
	"eu-central-1":   "50.12,8.68",    // Frankfurt
	"eu-central-2":   "47.37,8.55",    // Zurich
	"eu-north-1":     "59.33,18.07",   // Stockholm
	"eu-south-1":     "45.46,9.19",    // Milan
	"eu-south-2":     "41.66,-0.88",   // Zaragoza, Spain
	"eu-west-1":      "53.33,-6.25",   // Dublin
	"eu-west-2":      "51.51,-0.13",   // London
	"eu-west-3":      "48.85,2.35",    // Paris
	"eusc-de-east-1": "52.39,13.07",   // Potsdam, Brandenburg
	"il-central-1":   "32.08,34.78",   // Tel Aviv
	"me-central-1":   "25.08,55.31",   // Dubai, United Arab Emirates
	"me-south-1":     "26.23,50.58",   // Manama, Bahrain
	"mx-central-1":   "20.59,-100.39", // Queretaro
	"sa-east-1":      "-23.55,-46.64", // Sao Paulo
	"us-east-1":      "39.04,-77.49",  // Ashburn, Northern Virginia
	"us-east-2":      "39.96,-83",     // Columbus, Ohio
	"us-gov-east-1":  "39.96,-83",     // Columbus, Ohio
	"us-gov-west-1":  "45.84,-119.7",  // Boardman, Oregon
	"us-west-1":      "37.34,-121.89", // San Jose, Northern California
	"us-west-2":      "45.84,-119.7",  // Boardman, Oregon
}

// cities are the places of AWS's Local Zones, by the code of the metropolis in the name of the zone group, as lax in
// us-west-2-lax-1. The groups are those in AWS's list (https://docs.aws.amazon.com/local-zones/latest/ug/available-local-zones.html)
// and among its network border groups (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/byoip-zone-avail.html); han
// and cmn, Hanoi and Casablanca, are in price lists alone. The codes are those of airports. The coordinates are those of
// the city; networknext/next, which has most, agrees but for qro, where it has the middle of Mexico.
var cities = map[string]location{
	"akl": "-36.85,174.76", "atl": "33.75,-84.39", "bkk": "13.75,100.5", "bos": "42.36,-71.06", "bue": "-34.61,-58.38", "ccu": "22.56,88.36",
	"chi": "41.85,-87.65", "cmn": "33.59,-7.61", "cph": "55.68,12.57", "del": "28.65,77.23", "den": "39.74,-104.98", "dfw": "32.78,-96.81", "ham": "53.55,9.99",
	"han": "21.03,105.85", "hel": "60.17,24.94", "hnl": "21.31,-157.86", "iah": "29.76,-95.36", "ist": "41.01,28.95", "las": "36.17,-115.14", "lax": "34.05,-118.24",
	"lim": "-12.04,-77.03", "los": "6.45,3.39", "mci": "39.1,-94.58", "mct": "23.58,58.41", "mia": "25.77,-80.19", "mnl": "14.6,120.98",
	"msp": "44.98,-93.26", "nyc": "40.71,-74.01", "per": "-31.95,115.86", "phl": "39.95,-75.16", "phx": "33.45,-112.07", "pdx": "45.52,-122.68",
	"qro": "20.59,-100.39", "scl": "-33.46,-70.65", "sea": "47.61,-122.33", "tpe": "25.05,121.53", "waw": "52.23,21.01",
}

// localZone returns the place of a Local Zone group, as in us-west-2-lax-1.
func localZone(group string) (location, bool) {
	words := strings.Split(group, "-")
	const city = 3
	if len(words) <= city {
		return "", false
	}
	at, ok := cities[words[city]]
	return at, ok
}

// continents are the names that Corefiles have for Route 53's codes of continents.
var continents = map[string]string{
	"AF": "africa", "AN": "antarctica", "AS": "asia", "EU": "europe", "NA": "north-america", "OC": "oceania", "SA": "south-america",
}

var continentNames = slices.Sorted(maps.Values(continents))
