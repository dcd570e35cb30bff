"""Turns of phrase in replies to a service text, as patterns: who was not there, who complains of staff, what means one word.

They are matched against the text that `sms_reply.plain` gives. In a list of choices `_` stands for a space.
"""


def _any(choices: str) -> str:
    """One of the choices.

    >>> _any("shop at_all")
    '(?:shop|at all)'
    """
    return "(?:" + "|".join(choices.split()).replace("_", " ") + ")"


# Phrases replaced by one word before anything else is read: (pattern, word).
_STARS = r"(?:[ -]?stars?|颗?星)"
PHRASES: tuple[tuple[str, str], ...] = (
    (r"[👍👌]+", " thumbsup "),
    (r"[👎😡😠🤬]+", " thumbsdown "),
    (r"💯|(?<!\d)(?:10\s*/\s*10|5\s*/\s*5|100\s*分|一百分|满分|100\s*%\s*(?:satisfied|满意))", " excellent "),
    (rf"(?<!\d)(?:5|five|五){_STARS}(?:好评)?", " excellent "),
    (rf"(?<!\d)(?:4|four|四){_STARS}|\babove average\b", " good "),
    (rf"(?<!\d)(?:3|three|三){_STARS}", " soso "),
    (rf"(?<!\d)(?:2|two|二|两){_STARS}|\bbelow average\b", " poor "),
    (rf"(?<!\d)(?:[10]|one|zero|[一零]){_STARS}|(?<!\d)0\s*分|零分", " terrible "),
    (r"\b(?:could|can)(?:n't|'t|nt|t| ?not) (?:be|have been|get) (?:any )?better", " excellent "),
    (r"\b(?:never (?:been )?|nothing )better", " excellent "),
    (r"没有?比(?:这|这里|你们)?[^,。，]{0,4}更好的?", " excellent "),
    (
        r"\bcould (?:be|have been) better|\broom for improvement|\bnothing special|\bso[ -,]so\b|\bgood and bad\b",
        " soso ",
    ),
    (r"\bneither good n?or bad|\bnot good,? (?:but )?not bad|\bnot great,? not (?:terrible|bad)", " soso "),
    (r"\bnot (?:only|just)\b|\bno doubt\b|\bfor sure\b", " "),
    (r"\bnot bad\b", " notbad "),
    (r"\b(?:v|very)\.good\b|\bv good\b", " vgood "),
    (r"\bthumbs? up\b", " thumbsup "),
    (r"\bthumbs? down\b", " thumbsdown "),
    (r"\bwell done\b", " welldone "),
    (r"\bthe best\b", " thebest "),
    (r"\b(?:no better than|far from|anything but|less than|no)\s+(?=good|satisf|great|perfect|happy|nice)", " not "),
    (
        rf"\bgood {_any('morning afternoon evening night day luck bye idea question for_nothing grief riddance')}\b",
        " nilphrase ",
    ),
    (r"\b(?:for good|as good as|(?:do|try) (?:your|their|its|our) best)\b", " nilphrase "),
    (r"\bno\.?\s*(?=[1-9]\b)", " number "),
)

# Where a sentence turns to something else.
CLAUSES = (
    r"(?<!不)但是?|(?<!好)不过|只是|可惜|然而|因为|所以|\b"
    + _any("but however although though except because since while")
    + r"\b"
)

_NO = r"(?:没有?|未)"
_NO_SUCH = r"(?!这么|那么|比|如此|更)"
_DID_NOT = _any("did_?n'?t did_not have_?n'?t have_not had_?n'?t has_?n'?t")
NEVER_WENT = (
    rf"(?:没有?|未曾?|从未|从没|不曾)[去来到]过{_NO_SUCH}",
    rf"{_NO}[去来到](?:你们|您们)?的?(?:营业厅|厅|店|那里|那儿|现场)",
    rf"{_NO}[去来](?=$|[啊呀的吧,。.!?~ ])",
    r"\bnever (?:visit(?:ed)?|went|came|gone|attended)\b(?! (?:a |any |an )?(?:better|nicer|such|more))",
    r"\bnever been (?:to|there|in|at)\b(?! (?:a |any )?(?:better|nicer|such))|\bnever been\s*$",
    rf"\b{_DID_NOT} (?:even )?(?:go|visit|visited|been (?:to|there|in)|come|gone)\b(?! wrong)",
    r"\b(?:was ?n'?t|(?:was|am|were) not|were ?n'?t) there\b|\bno visit\b|\bnot visited\b",
)
_SOMEBODY = _any("别人 他人 家人 朋友 老公 老婆 妻子 丈夫 同事 儿子 女儿 爸爸? 妈妈?")
NOT_MYSELF = (
    r"非(?:我|本人)|不是[我俺]?本人|不是(?:俺|机主)",
    r"不是我(?=$|[,。.!?~ 啊呀吧办去来弄妈爸老家]|自己|的(?:号|手机|业务))",
    rf"{_NO}曾?(?:办过|办理|办业务|办什么|办任何)",
    rf"号码(?:已经?)?换[了人]|换了?机主|代办的|他人代办|(?<![帮替给])(?<![帮替给]我){_SOMEBODY}[去来]?代?办的",
    r"\b(?:not|was ?n'?t|is ?n'?t) (?:me|myself|mine|i)\b",
    r"\bnot my (?:number|phone|visit|account|business|transaction)\b|\bnot the (?:owner|person|customer)\b",
    r"\b(?:someone|somebody) else\b|\bdifferent person\b",
)
# Said of the text itself; beside a code they correct an earlier reply.
MISDIRECTED = (r"[打发弄搞]错(?:人|号码?|了|啦)|错发", r"\bwrong (?:number|person|customer|phone|guy)\b")

# Complaints about the manner of staff: somebody, some words of degree, blame; or a word that is about manner by itself.
_WHO = _any(
    """服务态度 态度 服务员 服务人员 工作人员 营业员 店员 员工 柜员 业务员 收银员 客服 人员 小姐 保安 经理 店长 前台 柜台"""
)
_SLIGHTLY = r"[的都也还真很太好极非常特别十分有点比较得实在相当简直就是让人令感到觉挺蛮超级贼老这么那么 ]{0,8}"
_BLAME = (
    "(?:"
    + _any(
        """差 烂 糟 坏 恶劣 有问题 生硬 垃圾 恶心 难看 (?<!不)凶 欠佳 不佳 不敢恭维 令人不满 不满 有意见 没有?(?:很|那么)?好
        有待(?:改善|提高|加强|改进) 需要?(?:改善|改进|提高|加强)"""
    )
    + r"|不[是算够怎么太]{0,2}[很太那么特别]{0,2}"
    + _any("好 行 满意 热情 友好 佳 礼貌 耐心 怎么样 咋样 咋地 样")
    + ")"
)
_NOT_BEFORE = r"(?<![不没未无])(?<!没有)(?<!不会)(?<!不是)(?<!不算)(?<!并非)(?<!从不)"
_ILL_MANNERED = _any(
    """爱理不理 爱答不理 爱搭不理 不理人 不理我 不搭理 没人理 不耐烦 不耐心 没有?耐心 不礼貌 没有?礼貌 无礼 没有?教养
    粗鲁 粗暴 蛮横 骂人 骂我 吼我 吼人 大吼 凶巴巴 很凶 太凶 好凶 甩脸 摆脸 脸色难看 臭脸 黑脸 板着脸 白眼 冷漠 冷淡
    傲慢 恶语 出言不逊 不热情 不友好 不友善 不尊重 瞧不起 看不起 嫌弃 敷衍"""
)
MANNER = (
    rf"{_WHO}{_SLIGHTLY}{_BLAME}",
    rf"(?:说话|语气|口气){_SLIGHTLY}{_any('难听 冲 不客气 不好听 不好 差 恶劣 生硬 阴阳怪气')}",
    rf"对[^,。.!?]{{0,8}}{_WHO}[^,。.!?]{{0,4}}(?:不满意?|有意见|投诉)|投诉[^,。.!?]{{0,6}}{_WHO}",
    rf"(?:{_NOT_BEFORE}{_any('差 烂 恶劣 糟糕 垃圾 糟')}|不好)的?(?:服务)?态度",
    r"什么(?:服务|鬼)?态度|态度问题|(?:注意|改善|端正)(?:服务)?态度",
    rf"{_NOT_BEFORE}{_ILL_MANNERED}",
)
_WHO_EN = _any(
    """staffs? clerks? employees? assistants? agents? salesperson salesman saleswoman receptionist cashier manager personnel
    attitudes? lady man guy girl woman teller representative rep officer guard"""
)
_BETWEEN_EN = (
    "(?: "
    + _any(
        """is was were are so very really extremely the a an bit too at outlet there here had has have with quite of service just
        all your this that who served me showed pretty in shop store counter absolutely behaved"""
    )
    + "){0,5}"
)
_BAD_EN = _any("bad poor terrible awful horrible worst unhelpful nasty disgusting")
_NOT_EN = _any("not isn'?t wasn'?t weren'?t aren'?t never")
_KIND_EN = _any("polite friendly respectful courteous patient nice kind welcoming")
_RUDE_EN = _any(
    """rude rudely rudeness impolite unfriendly disrespect(?:ful|ed)? discourteous arrogant hostile yelled shouted
    insult(?:ed|ing) ignored_(?:me|us) impatient condescending dismissive bad_manners? no_manners attitude_problems?
    (?:bad|ill)_mannered"""
)
# Not a complaint where it is denied ("nobody was rude").
MANNER_EN = (
    rf"\b{_RUDE_EN}\b",
    rf"\b{_WHO_EN}{_BETWEEN_EN} (?:mean|unprofessional|{_BAD_EN})\b",
    rf"\b{_WHO_EN}{_BETWEEN_EN} {_NOT_EN}{_BETWEEN_EN} (?:good|helpful|professional|{_KIND_EN})\b",
    rf"\b{_BAD_EN} (?:service )?{_WHO_EN}\b",
    rf"\b{_NOT_EN}(?: (?:very|so|at all|even|really|too|that))* {_KIND_EN}\b",
    rf"\b(?:do|did)(?:n'?t| not) like (?:the|your|their) {_WHO_EN}\b",
    rf"\bcomplain(?:t|ing)? (?:about|against|of) (?:the |your |a )?{_WHO_EN}\b|\bwhat an attitude\b",
    r"\battitude (?:needs?|must|should|has to) (?:to )?(?:be )?(?:improve|change)",
)
_DENIAL = _any("not never no nobody none without neither nor wasnt isnt werent arent didnt")
DENIED_EN = rf"\b(?:{_DENIAL}|\w+n't)\b(?: \w+){{0,2}} $"

# The customer wants no more texts: a word that is the whole reply, or a sentence that says so. After `plain`.
OPT_OUT_WORDS = frozenset(
    ("td", "tt", "t", "stop", "unsubscribe", "quit", "end", "optout", "退订", "退", "取消订阅", "拒收", "免打扰")
)
OPT_OUT = (
    r"退订|拒收|免打扰|(?:别|不要|勿|请勿|停止|不许|禁止)(?:再|总|老|一直)*(?:给我|向我)?(?:发(?![票脾火现生展放货])|打扰|骚扰|联系|推送)|不想(?:再)?收到",
    r"\bunsubscribe\b|\bopt(?:ing)? out\b|\b(?:stop|no more) (?:texting|messaging|contacting|sending|texts|messages)\b",
    r"\b(?:do not|don't|never) (?:text|contact|message|write to|send) (?:me|us|any|this)\b|\btake me off\b",
)
