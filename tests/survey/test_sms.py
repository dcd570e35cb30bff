"""What replies to a service text say, and which text they answer."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import csi
from csi import call_back_list, parse_replies, read_sms_log, simulate_sms_month
from csi.errors import CsiWarning, SurveyError
from csi.survey.sms_words import CLASSES

SATISFIED = {"very_good", "good"}

# Written by hand: what a careful clerk would note. A * after the class: the reply also complains of the staff's manner.
REPLIES = {
    "very_good": """
        1|１|①|1。| 1 |1.|"1"|1️⃣|选1|选择1|回复1|我选1|第1项|一|选一|1 1|1，1|NO.1|option 1|answer: 1|1 thanks|1谢谢|
        1，很好|1、非常满意|1 very good|1 but slow|1，等了30分钟|1 2小时才轮到|1很好|1，环境差|1但是太慢|很好|很 好|
        很好！！！|很好。|“很好”|很好很好|非常好|特别好|太好了|好极了|真好|挺好的，非常满意|很满意|非常满意|十分满意|
        满意极了|服务很好|服务态度很好|你们的服务非常好，谢谢|很好，就是等的时间有点长|很棒|太棒了|完美|五星|5星好评|满分|
        100分|非常不错|無可挑剔|狠好|很号|很郝|恨好|灰常好|hen hao|feichang hao|很hao|再好不过了|没有比这更好的了|
        很好，环境差|服务很好，但是停车不方便|very good|Very Good!|VERY  GOOD|very good thanks|vrey good|very goood|
        verry good|very god|vgood|v good|excellent|excelent|exellent|perfect|great|very satisfied|extremely satisfied|
        really good|5 stars|10/10|the service was very good|couldn't be better|never been better|amazing service|
        very very good""",
    "good": """
        2|２|②|二|选二|2，好|2 good|good 2|2 不错|2。服务好|打错了，是2|2 thank you|2 (was quick)|好|好！|好。。。|好好好|
        不错|还不错|挺好|挺好的|蛮好|比较好|满意|比较满意|基本满意|服务好|态度好|服务不错|不差|没得说|热情周到|好评|
        还不错，就是人多|👍|👍👍👍|部分地方有待改进，总体不错|bucuo|manyi|good|Good.|GOOD!!!|good thanks|goood|gooood|
        godo|quite good|pretty good|good service|the service was good|good but slow|satisfied|satisfed|satisfid|not bad|
        not only good but fast|I am happy|nice|thumbs up|not fast but good""",
    "average": """
        3|３|三|3一般|3，还行|3 average|一般|一般般|一般吧|服务一般|很一般|还行|还可以|还好|可以|凑合|马马虎虎|差不多|
        不好不坏|普通|过得去|以般|一斑|一班|yiban|好一般|average|avrage|averge|so so|so-so|ok|OK|okay|fine|fair|mediocre|
        acceptable|it was ok|neither good nor bad|could be better|isn't bad|not too bad|没有不好|不是不满意|不算差""",
    "poor": """
        4|４|四|4差|4，太差了|4 poor|4 bad|4。等了两小时|差|很差|太差了|差！|非常差|差劲|差评|极差|烂|太烂了|垃圾|糟糕|
        不好|不 好|很不好|不太好|不是很好|不怎么好|不够好|不算好|没有很好|没觉得好|一点都不好|并不好|称不上好|谈不上满意|
        不满意|很不满意|不是很满意|不太满意|不怎么样|不行|不可以|服务差|服务不好|服务质量差|好差|好个屁|部好|布好|不号|
        bu hao|失望|很失望，不会再来|我要投诉|不是一般的差|1小时才办好，差|环境差|poor|Poor!|poooor|very poor|bad|
        very bad|terrible|terible|awful|horrible|not good|Not Good|not very good|not good at all|not so good|
        not that good|no good|notgood|not-good|nto good|isn't good|wasn't very good|don't think it was good|never good|
        nothing good|hardly good|far from good|not satisfied|unsatisfied|dissatisfied|disatisfied|not happy|disappointed|
        worst service ever|👎|1 star|not great""",
    "poor*": """
        4 服务员态度差|4，态度恶劣|差，态度不好|很差，服务员爱理不理|4 staff was rude|poor, bad attitude|
        不满意，服务人员不耐烦""",
    "very_good*": """
        1 but staff was rude|1，就是服务员态度不好""",
    "average*": """
        3 服务员态度太差|一般，营业员没礼貌|3 the clerk was impatient""",
    "never_visited": """
        没去过|没去过营业厅|我没去过|没有去过|没来过|从没去过|从来没有去过你们营业厅|未去过|没去|沒去過|没去营业厅|
        1 没去过|最近没去过啊|never visited|I never went|never been there|I have never been to your outlet|didn't visit|
        did not go|haven't been there|I was not there|no visit""",
    "not_me": """
        非本人办理|非本人|不是本人|不是我|不是我办的|不是我去的|不是我本人办理|我没办过|没办过业务|没有办理业务|发错了|
        打错了|号码换人了|别人代办的|我老公去办的|1，不是我办的|not me|it wasn't me|was not me|Wrong number|wrong person|
        someone else|not my number""",
    "staff_complaint*": """
        态度差|态度不好|服务态度差|服务态度太差了|服务员态度恶劣|态度不怎么好|态度很不好|對服務人員態度不滿|
        对服务人员服务态度不满|营业员爱理不理|不耐烦|没礼貌|工作人员很凶|投诉你们的服务员|什么态度|不是我说，态度太差|
        差的服务态度|3号窗口的小姐脸色难看|态度有待改善|staff was rude|rude|very rude staff|bad attitude|
        attitude was terrible|poor attitude|the clerk shouted at me|unfriendly staff|not polite|
        the man at counter 3 was very rude|staff not friendly""",
    "unreadable": """
        |   |???|…|。|5|0|12|11|99|1或2|1 or 2|1/2|1、2|1，4|1-2|3或者4|1分|13800138000|谢谢|你好|收到|好的|好的，谢谢|
        知道了|什么业务|你是谁|在开会|好久|好像是|差点没办成|等了30分钟|2小时|信号差|办了3个业务|一点|不是1|不选1|not 1|
        1很差|4 很好|1，不好|1 terrible|4 excellent|好不好|好吗？|快点就好了|希望更好|要是快一点就好了|如果态度好就好了|
        不，好|好？不|没人觉得很好|服务员很好，环境很差|不一般|no, good|good, not|good? no|would be good if faster|
        hope it gets good|good morning|goodbye|good luck|did not find anything good|food|door|wood|vary|hello|who are you|
        thanks|yes|no|T|TD|2b|waited 2 hours|asdfgh|нет""",
}  # fmt: skip
LISTED = [(text, name) for name, texts in REPLIES.items() for text in texts.replace("\n        ", "").split("|")]


class TestOneReply:
    @pytest.mark.parametrize(("text", "expected"), LISTED)
    def test_is_read_as_a_careful_clerk_would(self, text, expected):
        reading = parse_replies([text]).iloc[0]
        assert reading.reply_class + "*" * bool(reading.attitude) == expected, reading.rule

    def test_there_are_enough_of_them(self):
        assert len(LISTED) >= 400
        assert {name.rstrip("*") for name in REPLIES} == set(CLASSES) - {"no_reply"}

    @pytest.mark.parametrize(
        "denial", ["not", "isn't", "wasn't", "was not", "never", "hardly", "not very", "not so", "not really", "nt"]
    )
    @pytest.mark.parametrize(
        "word", ["good", "goood", "godo", "satisfied", "great", "excellent", "excelent", "happy", "fine", "perfect"]
    )
    def test_a_denied_good_word_is_never_satisfied_in_english(self, denial, word):
        texts = [
            f"{denial} {word}",
            f"{denial.upper()}  {word}!",
            f"the service {denial} {word}",
            f"{denial}, {word}",
            f"{word}, {denial}",
        ]
        assert not set(parse_replies(texts)["reply_class"]) & SATISFIED

    @pytest.mark.parametrize(
        "denial",
        [
            "不",
            "不是",
            "不太",
            "不是很",
            "不够",
            "不怎么",
            "没有",
            "没有很",
            "并不",
            "算不上",
            "谈不上",
            "一点都不",
            "毫不",
        ],
    )
    @pytest.mark.parametrize("word", ["好", "满意", "棒", "到位", "周到", "优秀"])
    def test_a_denied_good_word_is_never_satisfied_in_chinese(self, denial, word):
        texts = [
            denial + word,
            f"{denial} {word}",
            f"服务{denial}{word}！",
            f"我觉得{denial}{word}",
            f"{denial}，{word}",
        ]
        assert not set(parse_replies(texts)["reply_class"]) & SATISFIED

    @given(st.text(max_size=40))
    def test_anything_can_be_read(self, text):
        reading = parse_replies([text]).iloc[0]
        assert reading.reply_class in CLASSES
        assert reading.rule

    @given(st.sampled_from(LISTED), st.sampled_from(["", " ", "。", "!!", "\u200b", "　", "~"]))
    def test_what_stands_around_a_reply_does_not_matter(self, listed, mark):
        text, expected = listed
        assert parse_replies([f"{mark}{text}{mark}"]).iloc[0].reply_class == expected.rstrip("*")

    def test_free_text_is_kept_as_it_was_written(self):
        comments = parse_replies(["1", "很好", "1 But SLOW", "3，排队太久", None])["comment"]
        assert comments.tolist() == ["", "", "1 But SLOW", "3，排队太久", ""]

    def test_codes_are_the_callers(self):
        reversed_codes = {"4": "very_good", "3": "good", "2": "average", "1": "poor", "5": "not_me"}
        read = parse_replies(["1", "４", "5", "1 差"], codes=reversed_codes)
        assert read["reply_class"].tolist() == ["poor", "very_good", "not_me", "poor"]

    def test_own_words_come_first(self):
        read = parse_replies(["好的", "好的！", "顶"], words={"好的": "good", "顶": "very_good"})
        assert read["reply_class"].tolist() == ["good", "good", "very_good"]

    @pytest.mark.parametrize(
        ("codes", "message"), [({"a": "good"}, "number of one or two"), ({"1": "goood"}, "'good'")]
    )
    def test_impossible_codes_are_refused(self, codes, message):
        with pytest.raises(SurveyError, match=message):
            parse_replies(["1"], codes=codes)


def log_of(sent, replies, **options):
    sent = pd.DataFrame(sent, columns=["key", "outlet", "sent_at"])
    return read_sms_log(sent, pd.DataFrame(replies, columns=["key", "replied_at", "text"]), **options)


class TestLinking:
    def test_phone_numbers_are_compared_by_their_digits(self):
        sent = [
            (13800000001, "A", "2026-09-01 10:00"),
            ("138-0000-0002", "A", "2026-09-01 10:00"),
            ("C-1", "A", "2026-09-01 10:00"),
        ]
        replies = [
            ("+86 138 0000 0001", "2026-09-01 10:05", "1"),
            ("8613800000002", "2026-09-01 10:05", "2"),
            ("c-1", "2026-09-01 10:05", "4"),
        ]
        log = log_of(sent, replies)
        assert log.visits["reply_class"].tolist() == ["very_good", "good", "poor"]
        assert log.visits["key"].tolist() == ["13800000001", "138-0000-0002", "C-1"]

    def test_a_reply_belongs_to_the_last_text_before_it(self):
        sent = [("K", "A", "2026-09-01 10:00"), ("K", "B", "2026-09-02 10:00")]
        replies = [("K", "2026-09-01 11:00", "1"), ("K", "2026-09-02 11:00", "4")]
        assert log_of(sent, replies).visits[["outlet", "reply_class"]].to_numpy().tolist() == [
            ["A", "very_good"],
            ["B", "poor"],
        ]

    @pytest.mark.parametrize(("hours", "found"), [(72.0, "very_good"), (72.01, "no_reply")])
    def test_a_late_reply_is_kept_and_rates_nothing(self, hours, found):
        replied = pd.Timestamp("2026-09-01 10:00") + pd.Timedelta(hours=hours)
        log = log_of([("K", "A", "2026-09-01 10:00")], [("K", str(replied), "1")])
        assert log.visits["reply_class"].tolist() == [found]
        assert len(log.replies) == 1

    def test_the_last_readable_reply_counts_and_all_are_kept(self):
        replies = [
            ("K", "2026-09-01 10:05", "1"),
            ("K", "2026-09-01 10:06", "4 态度差"),
            ("K", "2026-09-01 10:07", "谢谢"),
        ]
        log = log_of([("K", "A", "2026-09-01 10:00")], replies)
        assert log.replies["use"].tolist() == ["superseded", "counts", "superseded"]
        assert log.visits.iloc[0][["reply_class", "attitude", "replies"]].tolist() == ["poor", True, 3]

    def test_a_complaint_stands_although_another_reply_counts(self):
        replies = [("K", "2026-09-01 10:05", "服务员态度太差"), ("K", "2026-09-01 10:06", "3")]
        assert log_of([("K", "A", "2026-09-01 10:00")], replies).visits.iloc[0][
            ["reply_class", "attitude"]
        ].tolist() == ["average", True]

    def test_a_text_sent_twice_is_one_visit(self):
        sent = [("K", "A", "2026-09-01 10:00"), ("K", "A", "2026-09-02 09:00"), ("K", "A", "2026-09-05 10:00")]
        log = log_of(sent, [("K", "2026-09-02 10:00", "2")])
        assert log.visits["texts"].tolist() == [2, 1]
        assert log.visits["reply_class"].tolist() == ["good", "no_reply"]

    def test_visit_numbers_decide_where_there_are_any(self):
        sent = pd.DataFrame(
            {
                "key": "K",
                "outlet": "A",
                "sent_at": ["2026-09-01 10:00", "2026-09-01 15:00", "2026-09-09 10:00"],
                "v": [1, 2, 2],
            }
        )
        replies = pd.DataFrame({"key": ["K"], "replied_at": ["2026-09-01 10:30"], "text": ["1"]})
        log = read_sms_log(sent, replies, csi.SmsColumns(visit="v"))
        assert log.visits[["texts", "reply_class"]].to_numpy().tolist() == [[1, "very_good"], [2, "no_reply"]]

    def test_replies_without_a_text_are_kept_and_counted(self):
        log = log_of([("K", "A", "2026-09-01 10:00")], [("Z", "2026-09-01 10:05", "1"), ("K", "2026-09-01 09:00", "1")])
        assert set(log.replies["use"]) == {"no sent text"}
        assert "2 without a sent text" in log.headline()[1]

    def test_rows_that_cannot_be_used_are_kept_with_the_reason(self):
        sent = [
            ("K", "A", "2026-09-01 10:00"),
            ("", "A", "2026-09-01 10:00"),
            ("1.38E+10", "A", "2026-09-01 10:00"),
            ("M", None, "2026-09-01 10:00"),
            ("N", "A", "soon"),
        ]
        with pytest.warns(CsiWarning, match="4 rows refused"):
            log = log_of(sent, [])
        assert log.refused_rows["row"].tolist() == [3, 4, 6, 5]
        assert log.texts + len(log.refused_rows) == len(sent)

    def test_a_log_without_replies_is_a_log(self):
        log = log_of([("K", "A", "2026-09-01 10:00")], [])
        assert log.visits["reply_class"].tolist() == ["no_reply"]

    def test_one_time_zone_is_told_in_the_other(self):
        sent = [("K", "A", "2026-09-01T10:00+08:00")]
        assert log_of(sent, [("K", "2026-09-01T02:05+00:00", "1")]).visits["replied_at"][0] == pd.Timestamp(
            "2026-09-01 10:05"
        )
        with pytest.raises(SurveyError, match="time zone"):
            log_of(sent, [("K", "2026-09-01 10:05", "1")])

    def test_errors_name_the_column_and_the_row(self):
        with pytest.raises(SurveyError, match=r"'outlet'.*SmsColumns"):
            read_sms_log(pd.DataFrame({"key": [], "sent_at": []}), pd.DataFrame())
        with pytest.raises(SurveyError, match=r"row 2.*day first or month first"):
            log_of([("K", "A", "1/2/2026")], [])
        with pytest.raises(SurveyError, match="no text has a key"):
            log_of([("", "A", "2026-09-01")], [])

    def test_files_and_frames_say_the_same(self, tmp_path):
        month = simulate_sms_month(3, outlets=4, visits=500)
        for name, frame, encoding in (("sent", month.sent, "utf-8"), ("replies", month.replies, "gb18030")):
            frame.to_csv(tmp_path / f"{name}.csv", index=False, encoding=encoding)
        from_files = read_sms_log(tmp_path / "sent.csv", tmp_path / "replies.csv").visits
        pd.testing.assert_frame_equal(from_files, read_sms_log(month.sent, month.replies).visits)


@pytest.fixture(scope="module")
def month():
    return simulate_sms_month(1, visits=8_000)


@pytest.fixture(scope="module")
def log(month):
    return read_sms_log(month.sent, month.replies)


class TestAMonth:
    def test_nothing_is_lost(self, month, log):
        assert len(log.visits) == month.truth["visits"].sum()
        assert log.texts == len(month.sent)
        assert sorted(log.replies["row"]) == list(range(2, len(month.replies) + 2))

    def test_every_reply_is_read_as_it_was_meant(self, month, log):
        meant = month.meant["meant"].to_numpy()[log.replies["row"] - 2]
        assert (log.replies["reply_class"] == meant).all()

    def test_customers_are_called_back_once_and_the_newest_first(self, log):
        calls = call_back_list(log).customers
        assert calls["key"].is_unique
        assert calls["replied_at"].is_monotonic_decreasing
        assert set(calls["reply_class"]) == {"poor", "staff_complaint"}

    def test_a_customer_upset_twice_is_one_row(self):
        sent = [
            ("K", "A", "2026-09-01 10:00"),
            ("+86 138 0000 0001", "A", "2026-09-01 10:00"),
            ("13800000001", "B", "2026-09-09 10:00"),
        ]
        replies = [("13800000001", "2026-09-01 11:00", "4"), ("13800000001", "2026-09-09 11:00", "1 但是服务员态度差")]
        calls = call_back_list(log_of(sent, replies)).customers
        assert calls[["key", "outlet", "reply_class", "occasions"]].to_numpy().tolist() == [
            ["13800000001", "B", "very_good", 2]
        ]

    def test_print_shows_no_customer(self, log):
        calls = call_back_list(log)
        shown = str(log) + str(calls) + calls._repr_html_() + log._repr_html_()
        assert not any(key in shown for key in calls.customers["key"])

    def test_exported_texts_cannot_be_run(self, tmp_path):
        log = log_of([("K", "A", "2026-09-01 10:00")], [("K", "2026-09-01 11:00", "=4+1 差")])
        calls = call_back_list(log_of([("K", "A", "2026-09-01 10:00")], [("K", "2026-09-01 11:00", "-4 差")]))
        path = csi.export(calls, tmp_path / "calls.csv")
        assert "'-4 差" in path.read_text("utf-8-sig")
        assert path.stat().st_mode & 0o077 == 0
        assert log.visits["reply_class"].tolist() == ["unreadable"]


class TestNoMoreTexts:
    """Who asks for no more texts is not called back either."""

    @pytest.mark.parametrize(
        "text", ["TD", "退订", "Ｔ", "STOP", "4 别再给我发了", "不要发了", "unsubscribe", "don't text me"]
    )
    def test_asked_for(self, text):
        assert parse_replies([text])["opt_out"].all()

    @pytest.mark.parametrize(
        "text", ["1", "4 不要发票", "不要发脾气", "等到停止营业", "nobody could stop the noise", "很好，别的没有"]
    )
    def test_not_asked_for(self, text):
        assert not parse_replies([text])["opt_out"].any()

    def test_a_dissatisfied_customer_who_opted_out_is_counted_but_not_listed(self):
        sent = [("K", "A", "2026-09-01 10:00"), ("L", "A", "2026-09-01 10:00")]
        replies = [("K", "2026-09-01 11:00", "4"), ("L", "2026-09-01 11:00", "4"), ("K", "2026-09-01 11:05", "TD")]
        log = log_of(sent, replies)
        calls = call_back_list(log)
        assert log.visits["reply_class"].tolist() == ["poor", "poor"]
        assert calls.customers["key"].tolist() == ["L"]
        assert calls.opted_out == 1
        assert "1 customers want no more texts" in str(log)
