"""Small files of each platform, written by its rules, and ways to hand them to a reader."""

import csv
import io
from pathlib import Path

from csi.survey.readers import google_forms, limesurvey, qualtrics, surveymonkey, wenjuanxing
from csi.survey.readers.grid import Grid

MODULES = {
    "qualtrics": qualtrics,
    "wenjuanxing": wenjuanxing,
    "limesurvey": limesurvey,
    "surveymonkey": surveymonkey,
    "google_forms": google_forms,
}
SAMPLES = {
    "qualtrics, three rows": [
        ["StartDate", "ResponseId", "Q1", "Q2_1", "Q2_2", "Q2_2_TEXT"],
        ["Start Date", "Response ID", "How satisfied\nare you?", "Why? - Price", "Why? - Other", "Why? - Other - Text"],
        [
            '{"ImportId":"startDate","timeZone":"Asia/Shanghai"}', '{"ImportId":"_recordId"}', '{"ImportId":"QID1"}',
            '{"ImportId":"QID2","choiceId":"1"}', '{"ImportId":"QID2","choiceId":"2"}', '{"ImportId":"QID2_2_TEXT"}',
        ],
        ["2026-09-01 10:00:00", "R_1", "5", "1", "-99", ""],
        ["2026-09-01 10:01:00", "R_2", "-99", "", "1", "too\nslow"],
    ],
    "qualtrics, Python style": [
        ["满意度", "原因_1", "原因_2"],
        ["您满意吗？", "为什么？ - 价格", "为什么？ - 网络"],
        ["{'ImportId': 'QID1'}", "{'ImportId': 'QID2-1'}", "{'ImportId': 'QID2-2'}"],
        ["非常满意", "价格", ""],
    ],
    "qualtrics, two rows": [
        ["V1", "V8", "V9", "Q1", "Q3_1", "Q3_2", ""],
        ["ResponseID", "StartDate", "EndDate", "How are you?", "Rate-Price", "Rate-Service", ""],
        ["R_1", "2016-06-24", "2016-06-24", "3", "1", "-1", ""],
    ],
    "wenjuanxing, numbers": [
        ["序号", "提交答卷时间", "所用时间", "来源", "来源详情", "来自IP",
         "1、您满意吗？", "2、您用过哪些业务？(宽带)", "2、(电视)", "总分"],
        ["1", "2026/9/8 12:58:22", "137秒", "微信", "N/A", "0.0.0.0(江苏-南京)", "5", "1", "0", "5"],
        ["2", "2026/9/8 13:58:22", "2分17秒", "手机提交", "直接访问", "0.0.0.0(北京-北京)", "-2", "-3", "-3", "0"],
    ],
    "wenjuanxing, words": [
        ["序号", "提交答卷时间", "所用时间", "来源", "来自IP", "1、您满意吗？", "2、为什么？", "3、请评价—网络", "3、—资费"],
        ["1", "2026/9/8 12:58:22", "137秒", "微信", "0.0.0.0", "非常满意", "价格┋其他〖太慢〗", "好", "(空)"],
        ["2", "2026/9/8 12:59:22", "37秒", "微信", "0.0.0.0", "不满意", "(跳过)", "差", "一般"],
    ],
    "limesurvey, codes and texts": [
        ["id. Response ID", "submitdate. Date submitted", "Q1. {if(Q0.NAOK=='Y','You','We')} agree. Why?",
         "Q2[SQ001]. Rate ... [Price]", "Q2[SQ002]. Rate ... [Service [24 h]]", "Q3[other]. Which? [Other]", "Q3. Which?"],
        ["1", "2026-09-01", "A1", "4", "N/A", "", "N/A"],
    ],
    "limesurvey, codes": [
        ["id", "submitdate", "lastpage", "startlanguage", "seed",
         "Q1", "Q2[SQ001]", "Q2[SQ002comment]", "Q4[SQ001][1]", "Q4[SQ001][2]"],
        ["1", "2026-09-01", "3", "zh-Hans", "17", "A1", "Y", "too dear", "3", "N/A"],
    ],
    "limesurvey, texts": [
        ["Response ID", "Date submitted", "Last page", "Start language", "您满意吗？", "请评价 [价格]", "请评价 [网络]"],
        ["1", "2026-09-01", "3", "zh-Hans", "满意", "好", "差"],
    ],
    "surveymonkey, two rows": [
        ["Respondent ID", "Collector ID", "Date Created",
         "Which have you used?", "", "", "How satisfied are <em>you</em>?", "Rate us", ""],
        ["", "", "", "Broadband", "TV", "Other (please specify)", "Response", "Price", "Service"],
        ["11", "7", "2026-09-01", "Broadband", "", "a dish", "Very satisfied", "Good", "Poor"],
        ["12", "7", "2026-09-02", "", "TV", "", "", "Poor", "Poor"],
    ],
    "surveymonkey, 中文": [
        ["受访者 ID", "您用过哪些业务？", "", "您满意吗？"],
        ["", "宽带", "电视", "回复"],
        ["11", "宽带", "", "非常满意"],
    ],
    "surveymonkey, several answers alone": [
        ["RespondentID", "Which have you used?", ""],
        ["", "Broadband", "TV"],
        ["11", "", "TV"],
    ],
    "surveymonkey, one row": [
        ["RespondentID", "How satisfied are you?", "Gender", "Household Income", "Location (Census Region)"],
        ["11", "Very satisfied", "Male", "$0 - $24,999", "Pacific"],
    ],
    "google_forms, sheet": [
        ["Timestamp", "Email Address", "How satisfied are you?", "Rate each [Price]", "Rate each [Service]", "Which? (several)"],
        ["9/1/2026 18:29:47", "a@b.example", "5", "Good", "Poor", "Phone, Broadband"],
    ],
    "google_forms, 한국어": [
        ["타임스탬프", "만족도", "1-1", "1-1"],
        ["2026. 9. 1 오후 6:29:47", "매우 만족", "7", "6"],
    ],
    "google_forms, 中文": [["时间戳记", "满意度"], ["2026/9/1 下午6:29:47", "非常满意"]],
    "google_forms, CSV": [["Timestamp", "您满意吗？"], ["2026/09/01 6:29:47 PM GMT+8", "满意;一般"]],
}  # fmt: skip
PLAIN = {
    "items": [["id", "Q1", "Q2", "Q2_1"], ["1", "5", "4", "3"], ["2", "5", "", "3"], ["3", "5", "4", "3"]],
    "header given twice": [["id", "StartDate", "EndDate"], ["id", "StartDate", "EndDate"], ["1", "2026-09-01", "2026-09-02"]],
    "names above words": [["id", "Finished", "Q1"], ["number", "Finished", "How are you?"], ["1", "yes", "5"]],
    "numbered questions": [["Q1. How satisfied?", "Q2. How likely?", "Q3. Why?"], ["5", "4", "price"]],
    "Chinese numbered": [["序号", "1、您满意吗？", "2、来源"], ["1", "5", "微信"]],
    "machine log": [["timestamp", "machine", "temp_c"], ["2026-09-01 10:00:00", "m1", "30"]],
    "timestamps that are numbers": [["Timestamp", "How satisfied are you?"], ["1756720000", "5"]],
    "respondents": [["RespondentID", "Q1", "Q2"], ["1", "5", "4"]],
    "respondents, first answer empty": [["RespondentID", "Q1", "Q2"], ["", "5", "4"]],
    "REDCap": [["record_id", "redcap_event_name", "mood___1"], ["1", "baseline", "0"]],
    "Kobo": [["start", "end", "group.q1", "_id", "_uuid", "_submission_time"], ["2026", "2026", "4", "1", "a", "2026"]],
    "lists": [["id", "a[1]", "b"], ["1", "2", "3"]],
    "one column": [["Q1"], ["5"]],
    "nothing": [],
}  # fmt: skip


def grid_of(rows):
    """A grid as the text reader makes it."""
    return Grid(Path("answers.csv"), rows, range(1, len(rows) + 1), "delimited text, utf-8")


def sample(name):
    """The table that the platform's own reader makes of its sample."""
    return MODULES[name.partition(",")[0]].read(grid_of(SAMPLES[name]))


def csv_of(rows, delimiter=","):
    """The rows as a file has them, line breaks within cells quoted."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()
