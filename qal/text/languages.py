"""Languages of Whisper's vocabulary: names, other codes and spellings, and the way out for languages that it lacks.

    resolve_language("pt_BR") -> "pt"      resolve_language("Amharic") -> "am"      resolve_language("ti") -> "ti"

A code that Whisper lacks stays as it is, so that a dataset says truly what is spoken in it. Training then needs the
token of another language: `missing_language_advice` names a near one."""

import re

# code name=ISO 639-2 and 639-3 codes
_TABLE = """
af afrikaans=afr|am amharic=amh|ar arabic=ara|as assamese=asm|az azerbaijani=aze|ba bashkir=bak|be belarusian=bel
bg bulgarian=bul|bn bengali=ben|bo tibetan=bod,tib|br breton=bre|bs bosnian=bos|ca catalan=cat|cs czech=ces,cze
cy welsh=cym,wel|da danish=dan|de german=deu,ger|el greek=ell,gre|en english=eng|es spanish=spa|et estonian=est
eu basque=eus,baq|fa persian=fas,per|fi finnish=fin|fo faroese=fao|fr french=fra,fre|gl galician=glg|gu gujarati=guj
ha hausa=hau|haw hawaiian|he hebrew=heb|hi hindi=hin|hr croatian=hrv|ht haitian creole=hat|hu hungarian=hun
hy armenian=hye,arm|id indonesian=ind|is icelandic=isl,ice|it italian=ita|ja japanese=jpn|jw javanese=jav
ka georgian=kat,geo|kk kazakh=kaz|km khmer=khm|kn kannada=kan|ko korean=kor|la latin=lat|lb luxembourgish=ltz
ln lingala=lin|lo lao=lao|lt lithuanian=lit|lv latvian=lav|mg malagasy=mlg|mi maori=mri,mao|mk macedonian=mkd,mac
ml malayalam=mal|mn mongolian=mon|mr marathi=mar|ms malay=msa,may|mt maltese=mlt|my burmese=mya,bur|ne nepali=nep
nl dutch=nld,dut|nn nynorsk=nno|no norwegian=nor|oc occitan=oci|pa punjabi=pan|pl polish=pol|ps pashto=pus
pt portuguese=por|ro romanian=ron,rum|ru russian=rus|sa sanskrit=san|sd sindhi=snd|si sinhala=sin|sk slovak=slk,slo
sl slovenian=slv|sn shona=sna|so somali=som|sq albanian=sqi,alb|sr serbian=srp|su sundanese=sun|sv swedish=swe
sw swahili=swa|ta tamil=tam|te telugu=tel|tg tajik=tgk|th thai=tha|tk turkmen=tuk|tl tagalog=tgl|tr turkish=tur
tt tatar=tat|uk ukrainian=ukr|ur urdu=urd|uz uzbek=uzb|vi vietnamese=vie|yi yiddish=yid|yo yoruba=yor|yue cantonese
zh chinese=zho,chi
"""
# spellings and codes that stand for a language of the table
_OTHER_NAMES = """
zh mandarin,cmn,cn,mandarin chinese,putonghua,zho-hans,zho-hant|yue cantonese chinese,zh-yue,zh-hk,zh-mo|nl flemish
ja jp|cs cz|da dk|el gr|uk ua|vi vn
es castilian|ca valencian|ro moldavian,moldovan,mo|my myanmar|lb letzeburgesch|ht haitian|ps pushto|pa panjabi,pnb
si sinhalese|no nb,nob,bokmal,bokmål,norwegian bokmal,norwegian bokmål|nn norwegian nynorsk|tl fil,filipino,pilipino
he iw|yi ji|id in|jw jv|hr sh,serbo-croatian|fa farsi,pes,prs,dari,fa-af|ar arb,ary,arz,apc,ajp,acm,afb|sw swh,kiswahili
ms zsm|lv lvs|et ekk|az azj,azb|uz uzn|mn khk|ne npi|sq als|mg plt|ps pbt,pbu|yi ydd|sr srp-latn|gu gujerati
el modern greek|pt brazilian,brazilian portuguese|ha hau-latn|en american english,british english
"""
# language that Whisper lacks=its name=near language of the same script=reason
_NEAR = """
ti,tir=Tigrinya=am=the same script and family|tig=Tigre=am=the same script and family|gez=Geez=am=the same script
om,orm,gaz=Oromo=so=a Cushitic language in Latin letters|sid=Sidama=so=a Cushitic language in Latin letters
aa,aar=Afar=so=a Cushitic language in Latin letters|wal=Wolaytta=so=Latin letters and a neighbouring family
rw,kin=Kinyarwanda=sw=a Bantu language|rn,run=Kirundi=sw=a Bantu language|lg,lug=Luganda=sw=a Bantu language
nyn=Nyankole=sw=a Bantu language|cgg=Chiga=sw=a Bantu language|xog=Soga=sw=a Bantu language
ki,kik=Kikuyu=sw=a Bantu language|kam=Kamba=sw=a Bantu language|luy=Luyia=sw=a Bantu language
mas=Maasai=sw=a neighbour in Latin letters|luo=Luo=sw=a neighbour in Latin letters
ach=Acholi=sw=a neighbour in Latin letters|zu,zul=Zulu=sn=a southern Bantu language
xh,xho=Xhosa=sn=a southern Bantu language|st,sot=Sesotho=sn=a southern Bantu language
nso=Northern Sotho=sn=a southern Bantu language|tn,tsn=Tswana=sn=a southern Bantu language
ts,tso=Tsonga=sn=a southern Bantu language|ss,ssw=Swati=sn=a southern Bantu language
ve,ven=Venda=sn=a southern Bantu language|nr,nbl=South Ndebele=sn=a southern Bantu language
nd,nde=North Ndebele=sn=a southern Bantu language|ny,nya=Chichewa=sn=a southern Bantu language
bem=Bemba=sn=a Bantu language|lua=Luba-Lulua=ln=a Bantu language|kg,kon=Kongo=ln=a Bantu language
umb=Umbundu=ln=a Bantu language|ig,ibo=Igbo=yo=a neighbour in Latin letters
ak,aka,tw,twi,fat=Akan=yo=a neighbour in Latin letters|ee,ewe=Ewe=yo=a neighbour in Latin letters
gaa=Ga=yo=a neighbour in Latin letters|fon=Fon=yo=a neighbour in Latin letters
dag=Dagbani=ha=a neighbour in Latin letters|wo,wol=Wolof=ha=a neighbour in Latin letters
ff,ful,fuv=Fula=ha=a neighbour in Latin letters|bm,bam=Bambara=ha=a neighbour in Latin letters
kr,kau=Kanuri=ha=a neighbour in Latin letters|pcm=Nigerian Pidgin=en=most of its words
kea=Kabuverdianu=pt=most of its words|ceb=Cebuano=tl=a Philippine language|ilo=Ilocano=tl=a Philippine language
war=Waray=tl=a Philippine language|hil=Hiligaynon=tl=a Philippine language|pam=Kapampangan=tl=a Philippine language
bik,bcl=Bikol=tl=a Philippine language|ace=Acehnese=id=a near language in Latin letters
ban=Balinese=id=a near language in Latin letters|min=Minangkabau=id=a near language|mad=Madurese=jw=a near language
ckb=Central Kurdish=fa=a near language in Arabic letters|ku,kur,kmr=Kurdish=tr=a neighbour in Latin letters
bal=Balochi=fa=a near language in Arabic letters|ug,uig=Uyghur=ur=Arabic letters
ky,kir=Kyrgyz=kk=a near language in Cyrillic letters|cv,chv=Chuvash=tt=a near language in Cyrillic letters
sah=Yakut=kk=a near language in Cyrillic letters|crh=Crimean Tatar=tr=a near language in Latin letters
gag=Gagauz=tr=a near language|ce,che=Chechen=ru=Cyrillic letters
os,oss=Ossetian=tg=a near language in Cyrillic letters|ab,abk=Abkhaz=ru=Cyrillic letters|myv=Erzya=ru=Cyrillic letters
mdf=Moksha=ru=Cyrillic letters|udm=Udmurt=ru=Cyrillic letters|mhr,chm=Mari=ru=Cyrillic letters
kv,kom=Komi=ru=Cyrillic letters|or,ory,ori=Odia=bn=the nearest relative with a script of its own
mai=Maithili=hi=a near language in the same script|bho=Bhojpuri=hi=a near language in the same script
mag=Magahi=hi=a near language in the same script|hne=Chhattisgarhi=hi=a near language in the same script
doi=Dogri=hi=a near language in the same script|kok,gom=Konkani=mr=a near language in the same script
brx=Bodo=hi=the same script|ks,kas=Kashmiri=ur=a near language
dv,div=Dhivehi=si=the nearest relative, with another script|dz,dzo=Dzongkha=bo=the same script and family
ast=Asturian=es=a near language|an,arg=Aragonese=es=a near language
eo,epo=Esperanto=es=a similar sound in Latin letters|ia,ina=Interlingua=it=a near language
ga,gle=Irish=cy=a Celtic language|gd,gla=Scottish Gaelic=cy=a Celtic language|fy,fry=West Frisian=nl=a near language
li,lim=Limburgish=nl=a near language|nds=Low German=de=a near language|gsw=Swiss German=de=a near language
wa,wln=Walloon=fr=a near language|rm,roh=Romansh=it=a near language|fur=Friulian=it=a near language
sc,srd=Sardinian=it=a near language|co,cos=Corsican=it=a near language|scn=Sicilian=it=a near language
vec=Venetian=it=a near language|lij=Ligurian=it=a near language|lmo=Lombard=it=a near language
hsb=Upper Sorbian=cs=a near language|dsb=Lower Sorbian=pl=a near language|szl=Silesian=pl=a near language
csb=Kashubian=pl=a near language|rue=Rusyn=uk=a near language|se,sme=Northern Sami=fi=a related language
kl,kal=Greenlandic=fi=a similar structure in Latin letters|vro=Võro=et=a near language
ltg=Latgalian=lv=a near language|qu,que,quy,quz=Quechua=es=its neighbour, whose letters it uses
ay,aym=Aymara=es=its neighbour, whose letters it uses|gn,grn=Guarani=es=its neighbour, whose letters it uses
nah,nan=Nahuatl=es=its neighbour, whose letters it uses|sm,smo=Samoan=mi=a Polynesian language
to,ton=Tongan=mi=a Polynesian language|ty,tah=Tahitian=mi=a Polynesian language|fj,fij=Fijian=mi=an Oceanic language
tpi=Tok Pisin=en=most of its words|kab=Kabyle=fr=its neighbour, whose letters it uses|zgh=Tamazight=ar=its neighbour
wuu=Wu Chinese=zh=the same script and family|hak=Hakka Chinese=zh=the same script and family
shn=Shan=my=the same script|mnw=Mon=my=the same script|ksw=Sgaw Karen=my=the same script
hmn=Hmong=vi=a neighbour in Latin letters
"""
_CODE = re.compile(r"[a-z]{2,3}")


def _entries(table: str) -> list[str]:
    return table.strip().replace("\n", "|").split("|")


def _read_names() -> tuple[dict[str, str], dict[str, str]]:
    """Returns name by code, and code by every other spelling in lower case."""
    names: dict[str, str] = {}
    codes: dict[str, str] = {}
    for entry in _entries(_TABLE):
        code, _, rest = entry.partition(" ")
        names[code], _, iso = rest.partition("=")
        codes |= dict.fromkeys([code, names[code], *filter(None, iso.split(","))], code)
    for entry in _entries(_OTHER_NAMES):
        code, _, spellings = entry.partition(" ")
        codes |= dict.fromkeys(spellings.split(","), code)
    return names, codes


def _read_near() -> tuple[dict[str, tuple[str, str, str]], dict[str, str]]:
    """Returns (name, near code, reason) by code, and the code by every other spelling in lower case."""
    near: dict[str, tuple[str, str, str]] = {}
    codes: dict[str, str] = {}
    for entry in _entries(_NEAR):
        spellings, name, near_code, reason = entry.split("=")
        code, *others = spellings.split(",")
        near[code] = (name, near_code, reason)
        codes |= dict.fromkeys([code, *others, name.lower()], code)
    return near, codes


LANGUAGE_NAMES, _CODES = _read_names()  # English names in lower case, by Whisper's code
_NEAR_LANGUAGES, _MISSING_CODES = _read_near()


def resolve_language(language: str) -> str | None:
    """Returns Whisper's code for a code or an English name, in any usual spelling such as "pt_BR" or "Amharic".

    A language that Whisper lacks gets its own code, such as "ti"; a name that is no language gives None."""
    spelling = "-".join(language.strip().lower().replace("_", "-").split("-"))
    words = spelling.replace("-", " ")
    for candidate in (spelling, words, spelling.partition("-")[0]):
        if code := _CODES.get(candidate) or _MISSING_CODES.get(candidate):
            return code
    base = spelling.partition("-")[0]
    return base if _CODE.fullmatch(base) else None


def is_whisper_language(code: str) -> bool:
    """True for a code of Whisper's multilingual vocabulary."""
    return code in LANGUAGE_NAMES


def missing_language_advice(code: str) -> str:
    """Returns one sentence without a full stop that says how to train a language that Whisper lacks.

    Empty for a language that it has."""
    if is_whisper_language(code):
        return ""
    if code not in _NEAR_LANGUAGES:
        return (
            f"Whisper has no language '{code}'; train it with the code of a near language, best one of the same "
            "script, such as --language es"
        )
    name, near, reason = _NEAR_LANGUAGES[code]
    return (
        f"Whisper has no {name} ({code}); train it with --language {near}: {LANGUAGE_NAMES[near].title()} is near "
        f"({reason})"
    )
