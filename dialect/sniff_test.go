package dialect

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// usual is what most rows of TestSniff expect; a row names what differs.
var usualGuess = Dialect{Delimiter: ",", Quote: `"`, Escape: Doubled, Comment: None, LineEnding: LF, SkipSpace: Off, Preamble: NoPreamble, HeaderRows: 1}

func TestSniff(t *testing.T) {
	for _, test := range []struct {
		name  string
		text  string
		known Dialect
		want  Dialect // zero fields are as in usualGuess
	}{
		// Delimiters.
		{"comma", "id,name\n1,Ann\n2,Bob\n", Dialect{}, Dialect{}},
		{"semicolon", "id;name\n1;Ann\n2;Bob\n", Dialect{}, Dialect{Delimiter: ";"}},
		{"tab", "id\tname\n1\tAnn\n2\tBob\n", Dialect{}, Dialect{Delimiter: "\t"}},
		{"pipe", "id|name\n1|Ann\n2|Bob\n", Dialect{}, Dialect{Delimiter: "|"}},
		{"colon", "root:x:0:0:root:/root\ndaemon:x:1:1:daemon:/usr/sbin\nbin:x:2:2:bin:/bin\nsys:x:3:3:sys:/dev\n", Dialect{}, Dialect{Delimiter: ":", HeaderRows: NoHeader}},
		{"caret", "id^name^born\n1^Ann^1990-01-02\n2^Bob^1991-02-03\n3^Eve^1992-03-04\n", Dialect{}, Dialect{Delimiter: "^"}},
		{"tilde", "id~name~born\n1~Ann~1990-01-02\n2~Bob~1991-02-03\n3~Eve~1992-03-04\n", Dialect{}, Dialect{Delimiter: "~"}},
		{"plus", "id+name+born\n1+Ann+1990-01-02\n2+Bob+1991-02-03\n3+Eve+1992-03-04\n4+Joe+1993-04-05\n", Dialect{}, Dialect{Delimiter: "+"}},
		{"start of heading", "1\x01Ann\x012.5\n2\x01Bob\x013.5\n3\x01Eve\x014.5\n", Dialect{}, Dialect{Delimiter: "\x01", HeaderRows: NoHeader}},
		{"unit separator", "id\x1fname\n1\x1fAnn\n2\x1fBob\n", Dialect{}, Dialect{Delimiter: "\x1f"}},
		{"broken bar", "id¦name\n1¦Ann\n2¦Bob\n3¦Eve\n", Dialect{}, Dialect{Delimiter: "¦"}},
		{"section", "id§name§price\n1§Ann§1.50\n2§Bob§2.50\n3§Eve§3.50\n", Dialect{}, Dialect{Delimiter: "§"}},
		{"section, ragged", "name§city§n§code§message§origin\nZoë§Genève§few§the record has 2 fields the table 3 columns: add what is missing§one/windows-1252/c2a7_22_1/2/3/24\nAnn§\"Paris\" France§3§open§a quote opens a field and is never closed: close it§one/windows-1252/c2a7_22_1/3/4/35\nBob§Rome§4§5§many§column 4: the record has 4 fields the table 3 columns: quote it§one/windows-1252/c2a7_22_1/4/5/56\nEve§\"Oslo§6§open§a quote opens a field and is never closed: close it§one/windows-1252/c2a7_22_1/5/6/69\nTim§\"New\nYork\"§few§the record has 2 fields the table 3 columns: add what is missing§one/windows-1252/c2a7_22_1/6/7/81\n", Dialect{}, Dialect{Delimiter: "§"}},
		{"two pipes", "id||name||price\n1||Ann||1.5\n2||Bob||2.5\n", Dialect{}, Dialect{Delimiter: "||"}},
		{"two colons", "1::1193::5::978300760\n1::661::3::978302109\n2::914::3::978301968\n", Dialect{}, Dialect{Delimiter: "::", HeaderRows: NoHeader}},
		{"two colons and times", "at::name::note\n08:15::Ann::x\n09:30::Bob::y: z\n10:45::Eve::v\n", Dialect{}, Dialect{Delimiter: "::"}},
		{"pipes around empty fields", "id|middle|name|n\n1||Ann|3\n2||Bob|4\n3||Eve|5\n", Dialect{}, Dialect{Delimiter: "|"}},
		{"two commas are an empty field", "id,middle,name\n1,,Ann\n2,,Bob\n3,,Eve\n", Dialect{}, Dialect{}},
		{"comma and space", "id, name, price\n1, Ann, 2\n2, Bob, 3\n", Dialect{}, Dialect{SkipSpace: On}},
		{"space before quotes", "id,name\n1, \"Ann, Lee\"\n2,\"Bob, Fox\"\n3,Eve\n", Dialect{}, Dialect{SkipSpace: On}},
		{"spaces", "10.5 20.1 30.2\n11.5 21.1 31.2\n12.5 22.1 32.2\n13.5 23.1 33.2\n", Dialect{}, Dialect{Delimiter: " ", HeaderRows: NoHeader}},
		{"runs of spaces", "name   score  rank\nann    10.5   1\nbernard 9.5   2\neve     8.25  3\njoe     7.75  4\n", Dialect{}, Dialect{Delimiter: " ", SkipSpace: On}},
		{"spaces at line ends", "a  b  c \n1  2  3 \n4  5  6 \n7  8  9 \n", Dialect{}, Dialect{Delimiter: " ", SkipSpace: On}},
		{"single spaces, also at line ends", "10.5 20.1 30.2 \n11.5 21.1 31.2 \n12.5 22.1 32.2 \n13.5 23.1 33.2 \n", Dialect{}, Dialect{Delimiter: " ", SkipSpace: On, HeaderRows: NoHeader}},

		// What looks like a delimiter and is not.
		{"decimal commas", "id;net;gross\n1;1,50;1,79\n2;2,50;2,98\n3;12,00;14,28\n", Dialect{}, Dialect{Delimiter: ";"}},
		{"decimal commas only", "1,2;2,3;3,4\n1,5;2,6;3,7\n1,8;2,9;3,1\n", Dialect{}, Dialect{Delimiter: ";", HeaderRows: NoHeader}},
		{"more pipes than commas", "id,tags\n1,a|b|c|d\n2,e|f\n3,g|h|i\n4,k\n5,l|m|n|o|p\n", Dialect{}, Dialect{}},
		{"lists of semicolons", "taxon,markers,synonyms\nfir,b2;c3;d7,abies;picea;larix\nyew,c3;a1;b2,taxus;torreya;pinus\nelm,a1;a1;d7,ulmus;zelkova;celtis\nash,b2;d7;c3,fraxinus;sorbus;olea\n", Dialect{}, Dialect{}},
		{"a decimal comma beside texts", "Ware;Art;Kurs\nHolz;Buche;1,5\nLeim;Knochen;2,5\nLack;Alkyd;12,5\n", Dialect{}, Dialect{Delimiter: ";"}},
		{"numbers of up to three digits", "Licence: free, attribution required\nTable 1, by site\nfir,yew,elm\n325,591,916\n519,186,43\n152,728,338\n56,23,300\n786,41,433\n834,28,276\n", Dialect{}, Dialect{Preamble: 2}},
		{"hardware addresses", "card,from,seen\n00:1b:44:11:3a:b7,10.0.12.254,27/Aug/2021:22:21:14\n00:1b:44:11:3a:b8,10.0.12.7,28/Aug/2021:02:21:14\n5c:1b:44:0f:3a:b9,10.0.3.12,28/Aug/2021:03:20:59\n", Dialect{}, Dialect{}},
		{"times", "start,end\n08:15:00,09:30:00\n10:00:00,10:45:00\n11:05:30,12:00:00\n", Dialect{}, Dialect{}},
		{"one column of times", "08:15:00\n09:30:00\n10:45:10\n11:00:20\n12:59:00\n", Dialect{}, Dialect{HeaderRows: NoHeader}},
		{"moments", "at,value\n2024-01-02T03:04:05Z,1.5\n2024-01-02T03:05:05Z,1.7\n2024-01-02T03:06:05Z,1.6\n", Dialect{}, Dialect{}},
		{"URLs", "name,url\nann,https://example.com/a?b=1&c=2\nbob,https://example.org/x?b=3&c=4\n", Dialect{}, Dialect{}},
		{"semicolon and prose with commas", "id;text\n1;well, yes, indeed\n2;no, thanks\n3;one, two, three, four\n", Dialect{}, Dialect{Delimiter: ";"}},
		{"JSON", `id,data` + "\n" + `1,"{""a"": 1, ""b"": [1, 2]}"` + "\n" + `2,"{""a"": 2, ""b"": [3, 4]}"` + "\n", Dialect{}, Dialect{}},
		{"JSON that is not quoted", "id\tdata\n1\t{\"a\": 1, \"b\": 2}\n2\t{\"a\": 3, \"b\": 4}\n3\t{\"a\": 5, \"b\": 6}\n", Dialect{}, Dialect{Delimiter: "\t"}},
		{"names in one column", "name\nJohn Smith\nAnna Bell\nPeter Parker\nMary Jane\nClark Kent\n", Dialect{}, Dialect{}},
		{"one column of e-mail addresses", "email\nann@example.com\nbob@example.org\neve@example.net\n", Dialect{}, Dialect{}},
		{"places", "city\tplace\nOslo\t59.91273,10.74609\nRome\t41.89193,12.51133\nBern\t46.94809,7.44744\n", Dialect{}, Dialect{Delimiter: "\t"}},
		{"equals signs", "key;value\nx=1;a=2\ny=3;b=4\nz=5;c=6\n", Dialect{}, Dialect{Delimiter: ";"}},

		// Quotes and escapes.
		{"quoted delimiter", "id,name\n1,\"Lee, Ann\"\n2,\"Fox, Bob\"\n", Dialect{}, Dialect{}},
		{"quoted line ends", "id,text,n\n1,\"one\ntwo\",3\n2,\"three\nfour\",4\n", Dialect{}, Dialect{}},
		{"doubled quotes", "id,name\n1,\"5\"\" pipe\"\n2,\"6\"\" pipe\"\n", Dialect{}, Dialect{}},
		{"single quotes", "id,name\n1,'Lee, Ann'\n2,'Fox, Bob'\n3,'Eve'\n", Dialect{}, Dialect{Quote: "'"}},
		{"apostrophes", "id,name\n1,it's\n2,they're\n3,'tis\n", Dialect{}, Dialect{}},
		{"typographic quotes", "id,name\n1,“Lee, Ann”\n2,“Fox, Bob”\n3,“Eve, Ray”\n", Dialect{}, Dialect{Quote: "“”"}},
		{"typographic quotes in the text", "id;title;price\n1;Cœur d’hiver;9,90\n2;“Entre guillemets”;7,20\n3;Où est passé Noël…;5,00\n4;Garçons et fenêtres;18,30\n", Dialect{}, Dialect{Delimiter: ";"}},
		{"typographic quotes around everything", "“id”;“name”\n“1”;“Ann”\n“2”;“Bob”\n“3”;“Eve”\n", Dialect{}, Dialect{Delimiter: ";", Quote: "“”"}},
		{"guillemets in the text", "id;title;price\n1;Été;9,90\n2;«Hiver»;7,20\n3;Printemps;5,00\n", Dialect{}, Dialect{Delimiter: ";"}},
		{"an apostrophe at both ends", "id,title,n\n1,Blues,3\n2,'round midnight',4\n3,Four,5\n4,Solar,6\n", Dialect{}, Dialect{}},
		{"hash quotes", "id|name|city\n1|#Ann#|#Bern#\n2|#Bob|Ray#|#Rome#\n3|#Eve#|#Oslo#\n", Dialect{}, Dialect{Delimiter: "|", Quote: "#"}},
		{"backslash", `id,name` + "\n" + `1,"5\" pipe"` + "\n" + `2,"6\" pipe, long"` + "\n", Dialect{}, Dialect{Escape: `\`}},
		{"backslash outside quotes", "1\ta\\\tb\t5\n2\tc\\\td\t6\n3\te\t7\n", Dialect{}, Dialect{Delimiter: "\t", Escape: `\`, HeaderRows: NoHeader}},
		{"backslash that is data", `id,path` + "\n" + `1,C:\temp` + "\n" + `2,"C:\new, old"` + "\n", Dialect{}, Dialect{}},
		{"inches", "id,size,n\n1,5\" pipe,3\n2,6\" pipe,4\n3,7\" pipe,5\n", Dialect{}, Dialect{}},
		{"quote that never closes", "id,name,n\n1,\"Ann,3\n2,Bob,4\n3,Eve,5\n4,Joe,6\n", Dialect{}, Dialect{}},
		{"one quoted field in many", "a;b;c\n" + strings.Repeat("1;2;3\n", 50) + "4;\"x;y\";5\n", Dialect{}, Dialect{Delimiter: ";"}},
		{"lines that come again within quotes", "text,state\n" + strings.Repeat("\""+strings.Repeat("Tip: keep this page open, and come back to it later, as often as you want to.\n", 9)+"\",new\n", 12), Dialect{}, Dialect{}},
		{"escaped line ends", "task/1\tdef f(a: int) -> int:\\\n\\\treturn a['x']\\\n\tf\t'author': 'jt',\\\n\\\t'dataset': 'test'\\\n\ntask/2\tdef g(b: str) -> str:\\\n\\\treturn b[\"y\"]\\\n\tg\t'author': 'kl'\\\n\ntask/3\tdef h(c):\\\n\\\tpass\\\n\th\t'author': 'mn'\\\n\n", Dialect{HeaderRows: NoHeader}, Dialect{Delimiter: "\t", Quote: None, Escape: `\`, HeaderRows: NoHeader}},

		// Around the table.
		{"sep", "sep=;\nid;name\n1;Ann\n", Dialect{}, Dialect{Delimiter: ";", Preamble: 1}},
		{"sep against the odds", "sep=|\r\na,b,c\r\nd,e,f\r\n", Dialect{}, Dialect{Delimiter: "|", Preamble: 1, LineEnding: CRLF}},
		{"quoted sep", "\"sep=\t\"\nid\tname\n1\tAnn\n", Dialect{}, Dialect{Delimiter: "\t", Preamble: 1}},
		{"titles", "Sales report\nAll regions\n\nid;region;total\n1;North;10.5\n2;South;11.5\n", Dialect{}, Dialect{Delimiter: ";", Preamble: 3}},
		{"padded title", "Sales report,,,\n,,,\nid,region,city,total\n1,North,Oslo,10.5\n2,South,Rome,11.5\n", Dialect{}, Dialect{Preamble: 2}},
		{"long preamble", strings.Repeat("A line about how this was measured and why\n", 14) + "id,x,y\n1,2.5,3.5\n2,3.5,4.5\n", Dialect{}, Dialect{Preamble: 14}},
		{"title with a quote that never closes", "Stock list \"Main hall\"\n\"as of May\n\nsku,name,qty\nP-1,bolt,400\nP-2,\"nut, M8\",380\nP-3,washer,900\n", Dialect{}, Dialect{Preamble: 3}},
		{"title with a quote that the sample does not close", "\"Stock list\"\n\"as of May\n\nsku,name,qty\nP-1,bolt,400\nP-2,nut,380\nP-3,washer,900\n", Dialect{}, Dialect{Preamble: 3}},
		{"title with a quote and a stray one below", "\"as of May\n\nsku;name;qty\nP-1;bolt;400\nP-2;5\" nut;380\nP-3;washer;900\n", Dialect{}, Dialect{Delimiter: ";", Preamble: 2}},
		{"blank lines above", "\n\n\nid,name\n1,Ann\n2,Bob\n", Dialect{}, Dialect{Preamble: 3}},
		{"comments", "# made by hand\nid,name\n1,Ann\n# not sure about him\n2,Bob\n", Dialect{}, Dialect{Preamble: 1, Comment: "#"}},
		{"comments with delimiters", "#a, b, c, d\nid,name\n#e, f, g\n1,Ann\n2,Bob\n", Dialect{}, Dialect{Preamble: 1, Comment: "#"}},
		{"slashes", "// made by hand\nid,name\n1,Ann\n2,Bob\n", Dialect{}, Dialect{Preamble: 1, Comment: "//"}},
		{"per cent", "% made by hand\n% twice\nx,y\n1,2\n3,4\n", Dialect{}, Dialect{Preamble: 2, Comment: "%"}},
		{"dashes", "-- made by hand\n-- twice\nx,y\n1,2\n3,4\n", Dialect{}, Dialect{Preamble: 2, Comment: "--"}},
		{"semicolon comment", "; made by hand\n; twice\nx,y\n1,2\n3,4\n", Dialect{}, Dialect{Preamble: 2, Comment: ";"}},
		{"exclamation mark", "! made by hand\n! twice\nx,y\n1,2\n3,4\n", Dialect{}, Dialect{Preamble: 2, Comment: "!"}},
		{"drawn lines", "Sales\n----------\nid,name\n1,Ann\n2,Bob\n----------\n", Dialect{}, Dialect{Preamble: 2}},
		{"a drawn line above texts", "---------------------\n\nplant;stone;bird\nfir;opal;wren\nyew;flint;rook\nelm;slate;teal\n", Dialect{}, Dialect{Delimiter: ";", Preamble: 2}},
		{"settings above texts", "Operator;K. Lind\nDevice;AX-3\n\nhabitat;species;observer;remark\nbog;wren;Ann Lee;on a stump\nfen;rook;Bob Fox;two of them\nbog;teal;Eve Ray;it left\n", Dialect{}, Dialect{Delimiter: ";", Preamble: 3}},
		{"settings right above numbers", "Operator;Lind\nDevice;AX-3\nid;depth;speed;heat\n1;2.5;3.5;4.5\n2;3.5;4.5;5.5\n3;4.5;5.5;6.5\n", Dialect{}, Dialect{Delimiter: ";", Preamble: 2}},
		{"more columns from some record on", "id,name\n1,ann\n2,bob\n3,eve\n4,joe,x\n5,kim,y\n6,lea,z\n7,max,u\n8,zoe,v\n", Dialect{}, Dialect{}},
		{"more columns below a blank line", "name,city\nann,hull\nbob,york\n\nkim,bath,x\nlea,bath,y\nkim,york,x\nzoe,bath,z\n", Dialect{}, Dialect{}},
		{"header with a hash", "#id,name\n1,Ann\n2,Bob\n", Dialect{}, Dialect{}},
		{"header with a hash below comments", "##format=genes 1.0\n##source=lab, room 4\n#CHROM\tPOS\tID\nchr1\t100\tg1\nchr1\t250\tg2\nchr2\t90\tg3\n", Dialect{}, Dialect{Delimiter: "\t", Comment: "##", Preamble: 2}},
		{"comments of two depths", "## made by hand\n# twice\nid,name\n1,Ann\n2,Bob\n", Dialect{}, Dialect{Comment: "#", Preamble: 2}},
		{"comments that are all deep", "## made by hand\n## twice\nid,name\n1,Ann\n2,Bob\n", Dialect{}, Dialect{Comment: "#", Preamble: 2}},
		{"numbers with a hash", "id,name\n#1,Ann\n#2,Bob\n#3,Eve\n", Dialect{}, Dialect{}},
		{"footer", "id,name\n1,Ann\n2,Bob\n3,Eve\n\nTotal 3 people\n", Dialect{}, Dialect{}},
		{"ragged tail", "id,name,note\n1,Ann,x\n2,Bob\n3\n4,Eve,y\n5,Joe\n6,Kim,z\n", Dialect{}, Dialect{}},
		{"header longer than the records", "A;B;C;D;E\n$1.2;$2.3;$3.4\n$1.3;$2.4;$3.5\n", Dialect{}, Dialect{Delimiter: ";"}},

		// Header or not.
		{"numbers only", "1,2,3\n4,5,6\n7,8,9\n", Dialect{}, Dialect{HeaderRows: NoHeader}},
		{"texts with usual names", "name,city\nAnn,Oslo\nBob,Rome\n", Dialect{}, Dialect{}},
		{"texts without", "Ann,Oslo\nBob,Rome\nEve,Oslo\nJoe,Rome\nAnn,Bern\n", Dialect{}, Dialect{HeaderRows: NoHeader}},
		{"e-mail addresses", "Ann,Lee,ann@example.org\nBo,Ray,bo@example.org\nCy,Ford,cy@example.org\nDi,Wood,di@example.org\n", Dialect{}, Dialect{HeaderRows: NoHeader}},
		{"uuids", "alpha,123e4567-e89b-12d3-a456-426614174000\nxi,223e4567-e89b-12d3-a456-426614174001\npi,323e4567-e89b-12d3-a456-426614174002\nmu,423e4567-e89b-12d3-a456-426614174003\n", Dialect{}, Dialect{HeaderRows: NoHeader}},
		{"links", "alpha,https://example.org/1\nxi,https://example.org/2\npi,https://example.org/3\nmu,https://example.org/4\n", Dialect{}, Dialect{HeaderRows: NoHeader}},
		{"born", "Annabel,Lee,1990-01-02\nBo,Ray,1991-02-03\nCy,Ford,1992-03-04\nDi,Wood,1993-04-05\n", Dialect{}, Dialect{HeaderRows: NoHeader}},
		{"years", "region,2019,2020,2021\nNorth,1.5,2.5,3.5\nSouth,4.5,5.5,6.5\n", Dialect{}, Dialect{}},
		{"days", "region,1/22/20,1/23/20,1/24/20\nNorth,1,2,3\nSouth,4,5,6\n", Dialect{}, Dialect{}},
		{"German", "Vorname;Nachname;Ort\nAnna;Lehmann;Köln\nBernd;Fuchs;Ulm\n", Dialect{}, Dialect{Delimiter: ";"}},
		{"quoted header", "\"x\",\"y\"\nann,bern\nbob,rome\njoe,oslo\n", Dialect{}, Dialect{}},
		{"header only", "id,name,email\n", Dialect{}, Dialect{}},
		{"header only, numbered", "x1,x2,x3,x4\n", Dialect{}, Dialect{}},
		{"one record of codes", "A17,B203,X9\n", Dialect{}, Dialect{HeaderRows: NoHeader}},
		{"numbers of items above flags", "id,10022,10025,10047,10065\nid1,true,true,false,true\nid2,false,true,false,true\nid3,true,false,true,true\n", Dialect{}, Dialect{}},
		{"quotes in need only", "bog,wren,\"near the bridge, gone\"\nfen,rook,on a stump\nbog,teal,two of them\nfen,wren,all day\nbog,rook,it left\n", Dialect{}, Dialect{HeaderRows: NoHeader}},
		{"names under groups of names", ",2023,,2024,\ncity,sales,cost,sales,cost\nOslo,1.5,2.5,3.5,4.5\nRome,2.5,3.5,4.5,5.5\nBern,3.5,4.5,5.5,6.5\n", Dialect{}, Dialect{HeaderRows: 2}},
		{"two languages", "id;name;price;date\nNr;Bezeichnung;Preis;Datum\n1;bolt;1,50;2024-01-02\n2;nut;2,50;2024-01-03\n3;washer;3,50;2024-01-04\n", Dialect{}, Dialect{Delimiter: ";", HeaderRows: 2}},
		{"units below", "time,depth,speed\ns,m,m/s\n1,10.5,2.5\n2,11.5,2.6\n3,12.5,2.7\n", Dialect{}, Dialect{HeaderRows: 2}},
		{"units in brackets", "at;T;p\n;[°C];[hPa]\n10:00;20,5;1013\n11:00;21,5;1012\n12:00;22,5;1011\n", Dialect{}, Dialect{Delimiter: ";", HeaderRows: 2}},
		{"the header comes twice", "id,name\nid,name\nann,bern\nbob,rome\njoe,oslo\n", Dialect{}, Dialect{HeaderRows: 2}},
		{"letters are no units", "code,name,kind\nmw,g,h\nix,j,l\nmy,n,o\n", Dialect{}, Dialect{}},
		{"missing values are no names", "id,price,sold\n-,n/a,unknown\n1,2.5,2024-01-02\n2,3.5,2024-01-03\n3,4.5,2024-01-04\n", Dialect{}, Dialect{}},
		{"one odd value is no name", "id,price,city\nx7,2.5,Oslo\n1,3.5,Rome\n2,4.5,Bern\n", Dialect{}, Dialect{}},
		{"padded title of two fields", "Sales report,2024-01-31,,,\nid,region,city,total,share\n1,North,Oslo,10.5,0.5\n2,South,Rome,11.5,0.4\n", Dialect{}, Dialect{Preamble: 1}},
		{"one record", "1,Ann,2024-01-02\n", Dialect{}, Dialect{HeaderRows: NoHeader}},
		{"one column", "n\n1\n2\n3\n", Dialect{}, Dialect{}},

		// Line ends.
		{"CRLF", "id,name\r\n1,Ann\r\n2,Bob\r\n", Dialect{}, Dialect{LineEnding: CRLF}},
		{"CR", "id,name\r1,Ann\r2,Bob\r", Dialect{}, Dialect{LineEnding: CR}},
		{"LF and CRLF", "id,name\r\n1,Ann\n2,Bob\r\n", Dialect{}, Dialect{LineEnding: Mixed}},
		{"lone CR outside quotes", "id,name\n1,Ann\r2,Bob\n3,Eve\n", Dialect{}, Dialect{LineEnding: Mixed}},
		{"CR within quotes", "id,name\n1,\"Ann\rLee\"\n2,\"Bob\rFox\"\n", Dialect{}, Dialect{}},
		{"LF within quotes", "id,name\r\n1,\"Ann\nLee\"\r\n2,\"Bob\nFox\"\r\n", Dialect{}, Dialect{LineEnding: CRLF}},
		{"cut between CR and LF", "id,name\r\n1,Ann\r\n2,Bob\r", Dialect{}, Dialect{LineEnding: CRLF}},

		// A sample that is cut.
		{"cut within a field", "id,name,city\n1,Ann,Oslo\n2,Bob,Rome\n3,E", Dialect{}, Dialect{}},
		{"cut within quotes", "id;name\n1;\"Ann\"\n2;\"Bob, and his", Dialect{}, Dialect{Delimiter: ";"}},

		{"a line of its own above a blank line", "Sales, all regions\n\nregion,total\nNorth,1.5\nSouth,2.5\n", Dialect{}, Dialect{Preamble: 2}},
		{"prose with delimiters above", "This is what we sold, in the year of 2020, to all\nregion,city,id,total\nNorth,Oslo,1,1.5\nSouth,Rome,2,2.5\n", Dialect{}, Dialect{Preamble: 1}},
		{"codes are no header", "A-123;B-456\nC-789;D-012\nE-345;F-678\n", Dialect{}, Dialect{Delimiter: ";", HeaderRows: NoHeader}},
		{"camel case", "orderKey,shipTo\nalpha,bern\nbeta,rome\n", Dialect{}, Dialect{}},
		{"ragged texts", "h,i,j\nk,l,\nm,n\no,\n", Dialect{HeaderRows: 1}, Dialect{}},

		// No evidence.
		{"nothing", "", Dialect{}, Dialect{HeaderRows: NoHeader}},
		{"blank lines", "\n\n \n", Dialect{}, Dialect{HeaderRows: NoHeader}},
		{"one letter", "x", Dialect{}, Dialect{}},

		// Pinned.
		{"pinned delimiter", "a;b,c\nd;e,f\n", Dialect{Delimiter: ","}, Dialect{}},
		{"pinned delimiter is the usual quote", "a\"b\n1\"2\n3\"4\n", Dialect{Delimiter: `"`}, Dialect{Delimiter: `"`, Quote: None, Escape: None}},
		{"pinned quote is the usual delimiter", "a;,b;c,\n1;,2,\n", Dialect{Quote: ",", HeaderRows: 1}, Dialect{Delimiter: ";", Quote: ","}},
		{"pinned comma comment, no delimiter", "x\n1\n2\n", Dialect{Comment: ","}, Dialect{Delimiter: "\t", Comment: ","}},
		{"pinned runs of spaces", "a  b\n1 2\n3   4\n", Dialect{Delimiter: " ", SkipSpace: On}, Dialect{Delimiter: " ", SkipSpace: On}},
		{"pinned no quote", "id,name\n1,\"Ann\"\n2,\"Bob\"\n", Dialect{Quote: None}, Dialect{Quote: None, Escape: None}},
		{"pinned comment", "!x\nid,name\n1,Ann\n2,Bob\n", Dialect{Comment: "!"}, Dialect{Comment: "!", Preamble: 1}},
		{"pinned comment with delimiters", "@a;b;c\n@d;e;f\n@g;h;i\nk,1\nl,2\n", Dialect{Comment: "@"}, Dialect{Comment: "@", Preamble: 3, HeaderRows: NoHeader}},
		{"quotes in comments", "# it is \"here\nid,name\n# and \", \"there\n1,\"Ann, Lee\"\n# \"\n2,\"Bob\"\n", Dialect{}, Dialect{Comment: "#", Preamble: 1}},
		{"pinned no comment", "#a,b\n# x\n1,2\n3,4\n", Dialect{Comment: None}, Dialect{}},
		{"pinned preamble", "a,b\nid,name\n1,Ann\n2,Bob\n", Dialect{Preamble: 1}, Dialect{Preamble: 1}},
		{"pinned header", "1,2\n3,4\n", Dialect{HeaderRows: 2}, Dialect{HeaderRows: 2}},
		{"pinned line ending", "a,b\rc\n1,2\r3\n4,5\r6\n", Dialect{LineEnding: LF}, Dialect{}},
		{"no preamble against sep", "sep=;\n1;2\n", Dialect{Preamble: NoPreamble, HeaderRows: NoHeader}, Dialect{Delimiter: ";", HeaderRows: NoHeader}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Sniff([]byte(test.text), test.known)
			assert.Equal(t, usualGuess.Merge(test.want), got.Dialect, "%q\n%s", test.text, explained(got))
			assert.NoError(t, got.Validate())
		})
	}
}

func explained(g Guess) string {
	var b strings.Builder
	for _, e := range g.Evidence {
		fmt.Fprintln(&b, e)
	}
	for _, r := range g.RunnersUp {
		fmt.Fprintf(&b, "%.2f %.0f bits %d columns %s\n", r.Confidence, r.Bits, r.Columns, r.Dialect)
	}
	return b.String()
}

func TestSniffColumns(t *testing.T) {
	for text, want := range map[string]int{
		"":                          0,
		"\n\n":                      0,
		"x\n1\n":                    1,
		"a,b,c\n1,2,3\n":            3,
		"a,b,c\n1,2,3\n4,5\n6,7,8":  3,
		"title\n\na;b\n1;2\n3;4\n":  2,
		"# nothing but a comment\n": 0,
		" \n\t\n\r\n":               0,
		"id,n\n1,2\n2,3\n3,4\nid,n,m\n1,2,5\n2,3,6\n3,4,7\n": 2,
		"  \n   \n":            0,
		"a  b  c \n1  2  3 \n": 3,
	} {
		assert.Equal(t, want, Sniff([]byte(text), Dialect{}).Columns, "%q", text)
	}
}

// Where nothing speaks for an answer, it says so; where much does, it says that.
func TestConfidence(t *testing.T) {
	var many strings.Builder
	for i := range 50 {
		fmt.Fprintf(&many, "%d;name %d;%d,5\n", i, i*7, i*3)
	}
	for _, test := range []struct {
		name, text string
		known      Dialect
		min, max   float64
	}{
		{"nothing", "", Dialect{}, 0, 0},
		{"one column", "n\n1\n2\n3\n", Dialect{}, 0, .35},
		{"one record", "a,b;c\n", Dialect{}, 0, .6},
		{"a tie", "a;b,c\nd;e,f\n", Dialect{}, 0, .7},
		{"many records", many.String(), Dialect{}, .99, 1},
		{"all pinned", "x", Dialect{Delimiter: ";", Quote: `"`, Escape: Doubled}, 1, 1},
		{"sep", "sep=;\na;b\n", Dialect{}, .9, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Sniff([]byte(test.text), test.known)
			assert.GreaterOrEqual(t, got.Confidence, test.min)
			assert.LessOrEqual(t, got.Confidence, test.max)
		})
	}
	assert.Equal(t, 1.0, Sniff([]byte("x"), Dialect{HeaderRows: 1}).HeaderConfidence)
	assert.Greater(t, Sniff([]byte(many.String()), Dialect{}).HeaderConfidence, .7)
}

// Evidence speaks of counts and lines, never of what stands in the file.
func TestEvidenceHasNoValues(t *testing.T) {
	text := "sep=,\nTopsecretTitle\n# topsecretComment\nTopsecretName,n\n\"topsecret \"\"value\"\"\",1\nTopsecret \"x,2\n\"topsecret,3\n"
	got := Sniff([]byte(text), Dialect{})
	require.NotEmpty(t, got.Evidence)
	for _, e := range got.Evidence {
		assert.NotContains(t, strings.ToLower(e), "topsecret")
	}
}

func TestRunnersUp(t *testing.T) {
	got := Sniff([]byte("a;b,c\n1;2,3\n4;5,6\n"), Dialect{})
	require.NotEmpty(t, got.RunnersUp)
	for i, r := range got.RunnersUp {
		assert.NotEqual(t, got.Dialect.Delimiter+got.Quote+got.Escape, r.Dialect.Delimiter+r.Dialect.Quote+r.Dialect.Escape)
		if i > 0 {
			assert.LessOrEqual(t, r.Confidence, got.RunnersUp[i-1].Confidence)
		}
	}
}

// Texts in which something comes as often as it can: a step that is not linear makes this run for minutes.
func TestSniffHostileText(t *testing.T) {
	for _, unit := range []string{
		"\n", "\r", ",", "\"", "\",", "\"\n", ",\"", "'\"\n", "a\"", "\\\"", "\"a,b\n", "|;,\t:", "\"\"\"", "# \n", "\r\n\"", "1,\"2\n",
		"a,,\n\n", "a,1\n\nb,c,d\n", "1,2\nx\n", "\"a\n", " ", " \"", "“", "\x00", "\xff",
	} {
		text := []byte(strings.Repeat(unit, 64<<10/len(unit)))
		got := Sniff(text, Dialect{})
		assert.NoError(t, got.Validate(), "%q", unit)
	}
}

func FuzzSniff(f *testing.F) {
	for _, s := range []string{"", "a", "\r", "a,b\n1,2\n", "sep=;\na;b\n", "\"", "\"\"", "'a':'b'\n", "a\\\nb\t\\\tc\n", "# x\na,b\n", "“a”,b\n", "\x00\x01\x02", "\xff\xfe"} {
		f.Add([]byte(s), "", "", "", "", 0)
	}
	f.Add([]byte("a||b\n"), "||", "'", `\`, "//", 3)
	f.Add([]byte("@\xe6\xb600"), "1", "0\xe6\xb60", "0", "", -109)
	f.Add([]byte("a b  c\n"), " ", None, None, "#", -1)
	f.Fuzz(func(t *testing.T, text []byte, delimiter, quote, escape, comment string, preamble int) {
		pinned := Dialect{Delimiter: delimiter, Quote: quote, Escape: escape, Comment: comment, Preamble: preamble}
		got := Sniff(text, pinned)
		assert.Equal(t, got, Sniff(text, pinned), "not deterministic")
		assert.Equal(t, got.Dialect, got.Merge(pinned), "a pinned field was changed")
		assert.NotContains(t, []any{got.Delimiter, got.Quote, got.Escape, got.Comment, string(got.LineEnding), string(got.SkipSpace)}, "")
		assert.NotZero(t, got.Preamble)
		assert.NotZero(t, got.HeaderRows)
		assert.False(t, math.IsNaN(got.Confidence) || got.Confidence < 0 || got.Confidence > 1)
		assert.False(t, math.IsNaN(got.HeaderConfidence) || got.HeaderConfidence < 0 || got.HeaderConfidence > 1)
		if pinned.Validate() == nil {
			assert.NoError(t, got.Validate())
		}
	})
}

// What stands further down the file has a say in the dialect, and none in the structure.
func TestSniffFurther(t *testing.T) {
	head := "id,name\n1,Ann\n2,Bob\n3,Eve\n"
	for _, test := range []struct {
		name    string
		further []string
		want    Dialect
	}{
		{"nothing", nil, Dialect{}},
		{"more of the same", []string{"70,Joe\n71,Kim\n", "900,Zoe\n"}, Dialect{}},
		{"single quotes", []string{"70,'Joe, jr.'\n71,'Kim, sr.'\n72,'Lea, Dr.'\n73,Zoe\n", "900,'Zoe'\n901,'Max, sr.'\n"}, Dialect{Quote: "'"}},
		{"backslashes", []string{"70,\"Joe \\\"Jr\\\" Fox\"\n71,\"the \\\"Kim\\\", sr.\"\n72,\"Lea\"\n"}, Dialect{Escape: `\`}},
		{"a title with commas", []string{"Notes, as of today, more or less\n\nid,name\n70,Joe\n71,Kim\n"}, Dialect{}},
		{"empty", []string{"", "\n"}, Dialect{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var further [][]byte
			for _, text := range test.further {
				further = append(further, []byte(text))
			}
			got := Sniff([]byte(head), Dialect{}, further...)
			want := Dialect{Delimiter: ",", Quote: `"`, Escape: Doubled, Comment: None, LineEnding: LF, SkipSpace: Off, Preamble: NoPreamble, HeaderRows: 1}
			assert.Equal(t, want.Merge(test.want), got.Dialect)
			assert.Equal(t, 2, got.Columns)
		})
	}
}

// What Sniff does not read to the end would not have been the best if it had.
func TestSniffSortsOut(t *testing.T) {
	samples := map[string]string{}
	for _, s := range benchSamples {
		samples[s.name] = string(benchSample(s.unit, sampleBytes))
	}
	rows := func(delimiter string, size int) string {
		m := maker{rand.New(rand.NewPCG(1, uint64(size)))}
		var b strings.Builder
		for b.Len() < size {
			b.WriteString(strings.Join([]string{m.decimal("."), m.word(), m.date(), m.words(3), m.decimal(".")}, delimiter) + "\n")
		}
		return b.String()
	}
	samples["one table"] = rows(";", 60<<10)
	samples["a long one below a short one"] = rows(",", 12<<10) + rows(";", 48<<10)
	samples["a long one below a very short one"] = rows(",", 3<<10) + rows("\t", 57<<10)
	samples["a long one above a short one"] = rows("|", 48<<10) + rows(",", 12<<10)
	samples["of about the same length"] = rows(";", 30<<10) + rows(",", 28<<10)
	samples["quotes far down"] = rows(",", 40<<10) + strings.Repeat("1,\"a, b\",2020-01-02,\"c, d\",3\n", 500)
	files, err := filepath.Glob("../testdata/messy/*.*sv")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		samples[filepath.Base(name)] = string(text[:min(len(text), sampleBytes)])
	}
	for name, sample := range samples {
		t.Run(name, func(t *testing.T) {
			text := []byte(sample)
			found := Sniff(text, Dialect{Preamble: NoPreamble}) // no line names the delimiter
			var all table
			all.expectComments("")
			list := grammars(text, Dialect{})
			if len(list) > rounds[0].best {
				t.Skip("the first round leaves only some of them")
			}
			best := readings(&all, text, list)[0].dialect()
			assert.Equal(t, best, Dialect{Delimiter: found.Delimiter, Quote: found.Quote, Escape: found.Escape, SkipSpace: found.SkipSpace})
		})
	}
}
