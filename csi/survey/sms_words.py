"""The words of replies to a service text, as tables: what each says, in Chinese and English.

The rules that read them are in `csi.survey.sms_reply`; turns of phrase are in `csi.survey.sms_phrases`. Words stand here in the
form that `sms_reply.plain` gives them: narrow, lower case, simplified Chinese.
"""

from collections.abc import Mapping

VERY_GOOD, GOOD, AVERAGE, POOR = "very_good", "good", "average", "poor"
NEVER_VISITED, NOT_ME, STAFF_COMPLAINT = "never_visited", "not_me", "staff_complaint"
UNREADABLE, NO_REPLY = "unreadable", "no_reply"

RATINGS = (VERY_GOOD, GOOD, AVERAGE, POOR)
CLASSES = (*RATINGS, NEVER_VISITED, NOT_ME, STAFF_COMPLAINT, UNREADABLE, NO_REPLY)
CODES: Mapping[str, str] = {"1": VERY_GOOD, "2": GOOD, "3": AVERAGE, "4": POOR}

# Kinds of words. A loose word (small letter) is a rating only where nothing else is said in its clause: "差" in "信号差" rates
# the network, "fine" in "had to pay a fine" nothing.
EXCELLENT, POSITIVE, MIDDLE, PASSABLE, BAD = "E", "P", "M", "A", "B"
NEGATION, DEGREE, FILLER, ASPECT, WISH, NUMERAL, UNIT, OTHER = "N", "S", "F", "T", "W", "H", "U", "X"

CHINESE: Mapping[str, str] = {
    EXCELLENT: """
        优秀 完美 极好 好极了 棒极了 好得不得了 好得很 好得没话说 再好不过 无可挑剔 一流 顶呱呱 满意极了 好满意 好棒
        好赞 不是一般的好 不能再好 没有更好
        """,
    EXCELLENT.lower(): """
        最好 优 最佳
        """,
    POSITIVE: """
        满意 不错 不差 不坏 不赖 好评 给力 热情 周到 贴心 到位 友好 友善 耐心 专业 称心 点赞 棒 赞 良好 没得说 没话说
        没什么可挑
        """,
    POSITIVE.lower(): """
        好 良 高
        """,
    MIDDLE: """
        一般般 一般一般 好一般 马马虎虎 凑合 凑活 将就 中等 中规中矩 过得去 差不多 不好不坏 不好也不坏 不好不差
        有好有坏 有好有差 中评 尚可
        """,
    MIDDLE.lower(): """
        一般 普通 还行 还好 还可以 中 勉强 无所谓
        """,
    PASSABLE.lower(): """
        可以 行 合格 及格
        """,
    BAD: """
        差劲 差评 极差 好差 好烂 好糟 糟糕 恶心 恶劣 垃圾 失望 不满 不满意 太次 气人 坑人 不是一般的差 好个屁 好个鬼
        好什么好 好不到哪 个屁 不怎么样 不咋样 不咋地 不咋的 不咋滴 不及格 不合格 我要投诉 要投诉
        """,
    BAD.lower(): """
        低 差 烂 坏 糟 劣 坑 渣
        """,
    NEGATION: """
        不 没 没有 没什么 未 非 无 别 甭 不是 并不是 并不 并非 不算 算不上 称不上 谈不上 说不上 不怎么 不太 不够 不大
        不很 不会 不能说 不敢说 不见得 不至于 不觉得 不认为 没觉得 没感觉 没那么 不那么 绝不 毫不 从不 哪里 哪儿
        一点都不 一点也不 一点儿也不 一点不 都不 也不 不咋 从来没有
        """,
    DEGREE: """
        很 非常 十分 特别 超 超级 极 极其 极为 太 最 相当 真 真的 真是 格外 尤其 万分 贼 巨 老 灰常 炒鸡 无敌 狠 满 够
        这么 那么 如此
        """,
    FILLER: """
        服务 满意度 办事 质量 营业厅 店里 业务 办理 体验 印象 评价 回复 选择 选 答 打 给 按 总体 整体 总的来说
        总体来说 总之 感觉 觉得 感到 认为 我 我们 你 你们 您 他们 她 他 这 那 这里 那里 这个 那个 这家 那家 这次 本次
        此次 上次 去 来 对 于 对于 都 也 还 是 还是 算 算是 就 就是 的 地 得 滴 了 啊 呀 哦 吧 呢 哈 嘛 啦 耶 哟 噢 嗯
        恩 挺 蛮 比较 较 基本 基本上 有点 有些 稍微 略 反正 真心 其实 说实话 老实说 不得不说 谢谢 多谢 感谢 谢了
        辛苦了 辛苦 你好 您好 各方面 方面 所有 一直 每次 非常感谢 或 或者 和 与 跟 到 至 第 项 号码 数字 不仅 不但
        不只 不光 而且 不用说 没说的 亲 整个 以及 让人 令人 让我 令我 态度上 服务上
        """,
    # One part of a visit: what is said of it is no rating of the whole where that is rated too.
    ASPECT: """
        服务态度 态度 环境 效率 速度 水平 营业员 服务员 服务人员 店员 工作人员 员工 人员 客服 大厅 厅里 卫生 秩序 设施
        """,
    WISH: """
        希望 如果 要是 假如 建议 就好了 才好 更好 能不能 可不可以 请 请问 应该 下次 以后 好不好 行不行 满不满意 好吗
        好么 行吗 可以吗 满意吗 怎么样 差吗 想知道 什么时候 盼
        """,
    NUMERAL: """
        一 二 两 三 四 五 六 七 八 九 十
        """,
    UNIT: """
        星 小时 分钟 分 个 次 号 点 天 人 块 元 楼 月 日 年 位 台 遍 条 名 家 件 张 句 层 路 秒 折 倍 点钟 多 几 百 千
        万 后 前 左右
        """,
    # Words that contain a rating and are none.
    OTHER: """
        好像 好多 好久 好几 只好 好处 爱好 办好 做好 弄好 搞好 修好 好不容易 好歹 好意思 不好意思 好转 改好 好奇 好笑
        好听 好友 好慢 好难 好贵 好烦 好长 你好吗 差点 差一点 差点儿 出差 差别 差异 时差 差额 误差 差价 差距 差事 中国
        中心 中午 手中 其中 中间 坏了 破坏 银行 进行 行动 执行 自行 行业 优惠 优先 良心 一点 一下 一样 一起 一次
        一直没 无法 无线 无关 未来 特别是 非要 没事 没电 别人 个别 分别 级别 真假 极速 可以办 可以用 老人 老板 老婆
        老公 老妈 老爸 老是 太太 不知道 不清楚 不明白 不记得 不认识 不同 不但没 赞成 满月 对不起 对面 三四 十几 人多
        优秀奖
        """,
}

ENGLISH: Mapping[str, str] = {
    EXCELLENT: """
        excellent perfect outstanding wonderful amazing awesome fantastic superb brilliant great flawless fabulous
        exceptional vgood verygood sogood gr8 vg henhao thebest
        """,
    EXCELLENT.lower(): """
        best
        """,
    POSITIVE: """
        good satisfied satisfactory nice happy pleased notbad lovely thumbsup welldone friendly helpful polite
        professional courteous gd gud goood bucuo manyi haoping hao
        """,
    POSITIVE.lower(): """
        god well top like love loved
        """,
    MIDDLE: """
        meh soso mediocre yiban middling
        """,
    MIDDLE.lower(): """
        average avg ordinary normal moderate neutral
        """,
    PASSABLE.lower(): """
        ok okay k fine fair acceptable alright adequate passable decent reasonable
        """,
    BAD: """
        poor bad terrible awful horrible worst worse unsatisfied dissatisfied unsatisfactory disappointed
        disappointing dissapointed dissapointing unhelpful complain complaint complaints disappointment unhappy
        displeased disgusting disgusted useless rubbish garbage pathetic unacceptable sucks suck crap lousy dreadful
        appalling disgrace disgraceful notgood nogood buhao bumanyi bd nothappy notsatisfied dissatisfactory
        thumbsdown
        """,
    BAD.lower(): """
        cha low
        """,
    NEGATION: """
        not no nt nto noot nott non never hardly barely scarcely without nothing nobody none neither nor cannot cant
        dont didnt doesnt isnt wasnt arent werent wont wouldnt couldnt havent hasnt hadnt aint nope nah bu
        """,
    DEGREE: """
        very really extremely super so absolutely truly totally highly too v vry veri vey exceptionally incredibly
        completely hen tai feichang particularly terribly
        """,
    FILLER: """
        the a an i we you it its it's he she they them this my your our their me is was were are be been am im i'm had
        has have got get did do does think thought feel felt find found say said consider believe would've overall all
        in at of to for with and or by on from quite pretty fairly rather just simply only much more most bit that
        little kind sort even ever also still yet as again thanks thank ty thx tks cheers please pls yes yeah yep sir
        madam hi hello dear service services experience visit store shop outlet branch everything work job rating rate
        score option answer number code reply choice select choose chose vote always than exactly especially there
        here today entire whole thing things out n ur u r anyway well-done customer care company feedback review
        evaluation rated give gave
        """,
    ASPECT: """
        staff attitude attitudes place team people everyone quality environment speed staffs employee employees clerk
        clerks
        """,
    NUMERAL: """
        one two three four five six seven eight nine ten
        """,
    WISH: """
        would could should wish hope if hopefully unless might may let
        """,
    UNIT: """
        star stars hour hours hr hrs h min mins minute minutes time times day days week weeks month months year years
        persons person pm o'clock oclock windows counter counters kids phones phone sim sims bags gb mb g km st nd rd
        th cents dollars yuan usd other others customers
        """,
    OTHER: """
        goodbye gooood-bye haode
        """,
}

# Spelling is corrected towards these words only: one letter wrong, two in words of eight letters or more, the first right.
SPELLED = """
    good very poor average excellent great perfect terrible awful horrible satisfied dissatisfied unsatisfied
    disappointed amazing wonderful fantastic never service satisfactory
    """
# Words as near to them that mean themselves.
ORDINARY = """
    averages awfully boor ever goad gold goods goody goof goon grate greats greet horribly lever nerve never perfects
    pool poop poorly pore pour satisfies serviced services terribly treat vary verb vert
    """

# Whole clauses that are misheard or mistyped for an answer; inside a sentence the same letters may mean themselves.
HOMOPHONES: Mapping[str, str] = {
    VERY_GOOD: """
        很号 很郝 狠好 恨好 很耗 很浩 恨号 狠号 很毫 横好 恒好 哼好 很hao 很嚎 h好 非长好 非常号 飞常好 非尝好 灰常好
        很hou
        """,
    GOOD: """
        号 郝 浩 毫 满易 满亿 漫意 慢意 不措 不搓 布错 部错 步错 补错 挺号 还不措
        """,
    AVERAGE: """
        以般 一班 一斑 义般 亿般 一搬 一版 移般 依般 yi般 一半 一伴 一办 一ban
        """,
    POOR: """
        叉 岔 插 擦 查 茬 很叉 很茶 狠差 恨差 太叉 部好 布好 步好 补好 不号 部号 不郝 不浩 不hao 部满意 布满意 步满意
        不满易
        """,
}

# Said to be polite, or to say that the text was read: no rating although 好 and ok stand in it.
ACKNOWLEDGED = """
    okthanks okthankyou okthx ok谢谢 可以的谢谢 好了 好吧 好哒 好啦 好嘞 好滴 好的 好的好的 好的谢谢 好谢谢 已阅 收到
    知道了
    """

# Traditional characters of these words, and the simplified ones.
SIMPLIFIED = str.maketrans(
    "態熱別無較貼級總臉擺網歡請訴質認現會夠噁櫃檯經營碼戶歲務員來過極還壞錯辦業廳個說滿沒親對謝"
    "讚優話時間這裡裏們點號選應該復覆複費師覺體驗評價實電開關環勁爛惡兇罵難禮專為嗎麼樣誰問題機"
    "換發給從",
    "态热别无较贴级总脸摆网欢请诉质认现会够恶柜台经营码户岁务员来过极还坏错办业厅个说满没亲对谢"
    "赞优话时间这里里们点号选应该复复复费师觉体验评价实电开关环劲烂恶凶骂难礼专为吗么样谁问题机"
    "换发给从",
)
