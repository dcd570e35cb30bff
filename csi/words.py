"""The words of reports, charts and findings in English and Chinese; results carry codes, this file carries the text.

Each entry is code: (English, Chinese). A text may hold {fields}; `say` fills them. Words of one room stand together.
"""

from typing import Literal

from csi.errors import CsiError, known_names

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")

WORDS: dict[str, tuple[str, str]] = {
    # constructs
    "construct.Image": ("Brand image", "品牌形象"),
    "construct.Expectation": ("Expected quality", "预期质量"),
    "construct.Quality": ("Perceived quality", "感知质量"),
    "construct.Value": ("Perceived value", "感知价值"),
    "construct.Satisfaction": ("Customer satisfaction", "客户满意度"),
    "construct.Complaints": ("Complaints", "客户抱怨"),
    "construct.Loyalty": ("Loyalty", "客户忠诚"),
    # dimensions of service quality
    "dimension.reliability": ("Reliability", "可靠性"),
    "dimension.responsiveness": ("Responsiveness", "响应性"),
    "dimension.assurance": ("Assurance", "保证性"),
    "dimension.empathy": ("Empathy", "移情性"),
    "dimension.tangibles": ("Tangibles", "有形性"),
    # indicators of the mobile preset
    "indicator.overall_impression": ("overall impression of the brand", "品牌总体印象"),
    "indicator.feature_salience": ("salience of the brand's features", "品牌特征显著度"),
    "indicator.overall_expectation": ("overall expected quality", "总体预期质量"),
    "indicator.overall_quality": ("overall perceived quality", "总体感知质量"),
    "indicator.reliability": ("reliability", "可靠性"),
    "indicator.responsiveness": ("responsiveness", "响应性"),
    "indicator.assurance": ("assurance", "保证性"),
    "indicator.empathy": ("empathy", "移情性"),
    "indicator.tangibles": ("tangibles", "有形性"),
    "indicator.price_given_quality": ("price given quality", "质量价格比"),
    "indicator.quality_given_price": ("quality given price", "价格质量比"),
    "indicator.overall_satisfaction": ("overall satisfaction", "总体满意度"),
    "indicator.distance_to_expectation": ("distance to expectation", "与期望之距离"),
    "indicator.distance_to_ideal": ("distance to the ideal", "与理想之距离"),
    "indicator.distance_to_others": ("distance to other brands", "与其他品牌距离"),
    "indicator.complaints": ("complaints", "客户投诉"),
    "indicator.suggestions": ("suggestions", "客户建议"),
    "indicator.return_likelihood": ("likelihood of return", "回头可能性"),
    "indicator.price_tolerance": ("price tolerance", "价格承受度"),
    "indicator.tenure": ("tenure", "在网年限"),
    # model
    "model.not_asked": (
        "Left out with their paths, because no item asks them: {names}.",
        "以下潜变量没有对应题项，已连同路径略去：{names}。",
    ),
    "model.not_tied": (
        "Left out, because without the others nothing connects them: {names}.",
        "以下潜变量因缺少与之相连的潜变量而略去：{names}。",
    ),
    "model.stranger": (
        "Items left out, because the preset has no construct of that name: {names}.",
        "以下题项的潜变量标签不属于该预设模型，已略去：{names}。",
    ),
    "model.indicators_not_asked": (
        "Indicators of the mobile preset that no item asks: {names}.",
        "移动业务预设模型中未被提问的指标：{names}。",
    ),
    # assessment: what is judged, and what to do when it does not hold
    "criterion.convergence": ("Outer weights settled (iterations)", "外部权重收敛（迭代次数）"),
    "criterion.admissibility": ("Factor solution is possible", "因子解可接受"),
    "criterion.coherence": ("Item correlations are possible together", "题项相关矩阵可成立"),
    "criterion.missing": ("Share of missing answers", "缺失回答比例"),
    "criterion.sample": ("Number of answers", "样本量"),
    "criterion.negative_weight": ("Negative outer weight", "外部权重为负"),
    "criterion.loading": ("Loading", "载荷"),
    "criterion.alpha": ("Cronbach's alpha", "克朗巴赫 α"),
    "criterion.rho_a": ("Reliability rho_A", "信度 rho_A"),
    "criterion.rho_c": ("Composite reliability rho_C", "组合信度 rho_C"),
    "criterion.ave": ("Average variance extracted", "平均方差提取量 AVE"),
    "criterion.single_item": ("Single item", "单一题项"),
    "criterion.htmt": ("HTMT ratio", "异质-单质比 HTMT"),
    "criterion.srmr": ("Overall fit (SRMR)", "整体拟合 SRMR"),
    "criterion.item_vif": ("Collinearity of items (VIF)", "题项共线性 VIF"),
    "criterion.inner_vif": ("Collinearity of drivers (VIF)", "驱动因素共线性 VIF"),
    "criterion.path": ("Path coefficient", "路径系数"),
    "criterion.not_applicable": ("Share not applicable", "不适用比例"),
    "criterion.fornell_larcker": (
        "Fornell-Larcker: root of AVE less largest correlation",
        "Fornell-Larcker：AVE平方根减最大相关",
    ),
    "criterion.cross_loading": ("Own loading less largest cross-loading", "本构念载荷减最大交叉载荷"),
    "criterion.htmt2": ("HTMT2 ratio", "异质-单质比 HTMT2"),
    "criterion.full_collinearity": ("Full-collinearity VIF (common method)", "全共线性 VIF（共同方法偏差）"),
    "criterion.draws": ("Bootstrap draws lost", "自助法失败比例"),
    "threshold.convergence": ("settled", "收敛"),
    "threshold.admissibility": ("possible", "可接受"),
    "threshold.coherence": ("smallest eigenvalue ≥ 0", "最小特征值 ≥ 0"),
    "threshold.missing": ("≤ 5 %", "≤ 5%"),
    "threshold.sample": ("≥ 155", "≥ 155"),
    "threshold.negative_weight": ("≥ 0", "≥ 0"),
    "threshold.loading": ("≥ 0.708", "≥ 0.708"),
    "threshold.alpha": ("≥ 0.70", "≥ 0.70"),
    "threshold.rho_a": ("≥ 0.70", "≥ 0.70"),
    "threshold.rho_c": ("≥ 0.70", "≥ 0.70"),
    "threshold.ave": ("≥ 0.50", "≥ 0.50"),
    "threshold.single_item": ("2 items or more", "至少2个题项"),
    "threshold.htmt": ("< 0.90", "< 0.90"),
    "threshold.srmr": ("≤ 0.08", "≤ 0.08"),
    "threshold.item_vif": ("< 3.3", "< 3.3"),
    "threshold.inner_vif": ("< 3.3", "< 3.3"),
    "threshold.path": ("0 outside interval", "区间不含0"),
    "threshold.not_applicable": ("≤ 5 %", "≤ 5%"),
    "threshold.fornell_larcker": ("> 0", "> 0"),
    "threshold.cross_loading": ("> 0", "> 0"),
    "threshold.htmt2": ("< 0.90", "< 0.90"),
    "threshold.full_collinearity": ("≤ 3.3", "≤ 3.3"),
    "threshold.draws": ("≤ 5 %", "≤ 5%"),
    "advice.convergence": (
        "Do not use these numbers. Look for items that are copies of one another.",
        "不要使用这些结果；请检查是否有重复或几乎相同的题项。",
    ),
    "advice.admissibility": (
        "The constructs are too close to be separate factors: join them or model them as composites.",
        "潜变量之间过于接近，无法作为独立因子；请合并，或改为组合变量。",
    ),
    "advice.coherence": (
        "Correlations taken pair by pair contradict one another: treat gaps by 'em', or use fewer items or categories.",
        "逐对计算的相关系数互相矛盾；请用 EM 法处理缺失，或减少题项或选项数。",
    ),
    "advice.missing": (
        "Many answers are missing here; do not fill in means, and compare who answers with who does not.",
        "此处缺失较多；不要用均值填补，并比较作答者与未作答者。",
    ),
    "advice.sample": (
        "Below 155 answers a path of 0.2 is often missed; read small effects with care.",
        "不足155份时，0.2左右的路径常被漏检；小效应请谨慎解读。",
    ),
    "advice.negative_weight": (
        "A weight against the direction of its construct: check the coding (reversed?) and collinearity.",
        "权重方向与潜变量相反；请检查编码（是否反向题）与共线性。",
    ),
    "advice.loading": (
        "The item shares little with its construct: check its wording, keep it only for its content.",
        "该题项与潜变量关联较弱；请检查措辞，仅在内容需要时保留。",
    ),
    "advice.alpha": (
        "A low bound of reliability; judge by rho_A and the loadings.",
        "信度的下限；请以 rho_A 与载荷为准。",
    ),
    "advice.rho_a": (
        "The items measure the construct unevenly; see the weak loadings.",
        "题项测量不够一致；请看载荷偏低的题项。",
    ),
    "advice.rho_c": (
        "The items measure the construct unevenly; see the weak loadings.",
        "题项测量不够一致；请看载荷偏低的题项。",
    ),
    "advice.ave": (
        "More error than content in these items; see the weak loadings.",
        "误差多于内容；请看载荷偏低的题项。",
    ),
    "advice.single_item": (
        "One question alone: its reliability is unknown, and effects may be understated.",
        "仅一个题项，信度未知，效应可能被低估。",
    ),
    "advice.htmt": (
        "The two constructs are hardly told apart by their items; read their separate effects with care.",
        "两个潜变量难以区分；请谨慎解读各自的效应。",
    ),
    "advice.srmr": (
        "The paths leave part of the correlations unexplained: perhaps a path is missing.",
        "路径未能解释部分相关；可能缺少路径。",
    ),
    "advice.item_vif": ("Items overlap; their single weights are not stable.", "题项重叠，单个权重不稳定。"),
    "advice.inner_vif": ("Drivers overlap; their single effects are not stable.", "驱动因素重叠，单个效应不稳定。"),
    "advice.path": ("Not distinguishable from no effect with these answers.", "以现有样本无法与零效应区分。"),
    "advice.not_applicable": (
        "Many customers have nothing to judge here; their gaps are filled from their other answers. Consider a model without it.",
        "许多客户在此没有可评价的经历，其缺失由其他回答推得；请考虑不含此项的模型。",
    ),
    "advice.fornell_larcker": (
        "The construct shares more with another one than with its own items; see HTMT.",
        "该潜变量与另一潜变量的共享多于与自身题项的共享；请参看 HTMT。",
    ),
    "advice.cross_loading": (
        "The item belongs at least as much to another construct: check where it stands.",
        "该题项至少同样属于另一潜变量；请检查其归属。",
    ),
    "advice.htmt2": (
        "The two factors are hardly told apart by their items; read their separate effects with care.",
        "两个因子难以区分；请谨慎解读各自的效应。",
    ),
    "advice.full_collinearity": (
        "The constructs share much variance: perhaps the common way of asking. Vary scales or sources.",
        "潜变量共享过多方差，可能源于同一提问方式；请变换量表或数据来源。",
    ),
    "advice.draws": ("Too many resamples failed; the intervals may mislead.", "失败的重抽样过多，区间可能误导。"),
    # charts
    "chart.points": ("{construct} index (0-100)", "{construct}指数（0-100）"),
    "chart.cut_axis": ("axis does not start at 0; bars are 95 % intervals", "纵轴不从0开始；误差线为95%区间"),
    "chart.whole": ("all {value}", "总体 {value}"),
    "chart.too_few": ("too few answers to show", "样本过少，不予显示"),
    "chart.level": ("level {value}", "水平 {value}"),
    "chart.importance": ("Importance: points of {target} per point", "重要性：每提升1分带来的{target}分数"),
    "chart.performance": ("Performance (0-100)", "表现（0-100）"),
    "chart.weak_important": ("weak and important", "短板：重要但偏弱"),
    # report
    "report.subtitle": ("Customer satisfaction, {wave}", "客户满意度报告 {wave}"),
    "report.synthetic": (
        "SYNTHETIC DATA: simulated customers and answers, no real person or operator.",
        "模拟数据（SYNTHETIC）：客户与回答均为计算机模拟，不涉及任何真实个人或运营商。",
    ),
    "report.answers": ("{n} answers", "{n}份有效回答"),
    "report.answered_between": ("{n} answers, {first} to {last}", "{n}份有效回答，{first} 至 {last}"),
    "report.at_a_glance": ("At a glance", "要点"),
    "report.index_line": ("95 % interval {low} to {high}", "95%区间 {low} 至 {high}"),
    "report.since": ("{change} since {wave}", "较{wave} {change}"),
    "report.beyond_chance": ("more than chance (interval {low} to {high})", "超出偶然波动（区间 {low} 至 {high}）"),
    "report.within_chance": ("within chance (interval {low} to {high})", "在偶然波动范围内（区间 {low} 至 {high}）"),
    "report.weakest": ("Weakest important indicator", "首要短板指标"),
    "report.weakest_none": ("No indicator is both weak and important", "没有既重要又偏弱的指标"),
    "report.weakest_line": (
        "level {level}; one point more goes with {importance} points of {target}",
        "得分 {level}；每提升1分，{target}约提升 {importance} 分",
    ),
    "report.care": ("Customers to care for", "关怀客户"),
    "report.care_line": (
        "{holdout} more are held out at random, so that the effect can be measured",
        "另随机保留 {holdout} 名不作关怀，用于检验关怀效果",
    ),
    "report.trust": ("Can we trust these numbers?", "结果是否可信"),
    "report.trust_line": (
        "{failed} fail, {noted} to note, {passed} pass",
        "{failed}项不通过，{noted}项需注意，{passed}项通过",
    ),
    "report.trend": ("The index over time", "满意度指数走势"),
    "report.trend_text": (
        "All waves are measured with the weights of {wave}. With its own weights an earlier wave would differ by at most "
        "{difference} points.",
        "各期均按{wave}的权重计算；若用各期自身权重，差异最多为 {difference} 分。",
    ),
    "report.segments": ("The index by segment", "分群满意度"),
    "report.segments_text": (
        "Dots are estimates, lines their 95 % intervals, numbers in brackets the answers. Groups with fewer than {minimum} "
        "answers are not shown.",
        "圆点为估计值，横线为95%区间，括号内为样本数；少于{minimum}份回答的群体不予显示。",
    ),
    "report.model": ("What drives satisfaction", "满意度的成因"),
    "report.model_text": (
        "Numbers on the arrows are standardised path coefficients: by how many standard deviations the effect moves with one "
        "standard deviation of the cause. Wider arrows are larger effects, dashed ones cannot be told from no effect, red ones "
        "are negative. R² is the share explained.",
        "箭头上的数字为标准化路径系数：原因变动一个标准差时，结果变动多少个标准差。箭头越粗效应越大，虚线表示与零无法区分，红色表示负效应；R²为被解释的比例。",
    ),
    "report.priority": ("Where to act first", "优先改进什么"),
    "report.priority_text": (
        "Items to the right matter more for {target}, items at the bottom are weaker. Numbers go by urgency: weak and "
        "important ones (squares) first, then by importance times points lacking to 100. Dashed lines are the "
        "medians, thin crosses 95 % intervals.",
        "越靠右对{target}越重要，越靠下表现越弱。编号按紧迫程度：先列短板（方块），再按“重要性×距满分的差距”排序。虚线为中位数，细十字为95%区间。",
    ),
    "report.indicators": ("All indicators", "全部指标"),
    "report.indicators_text": (
        "Arrows mark changes since {wave} that stand out from chance (false-discovery rate 10 %).",
        "箭头表示较{wave}有超出偶然的变化（错误发现率10%）。",
    ),
    "report.indicators_text_single": ("Levels in points, 0 to 100.", "各指标得分（0-100）。"),
    "report.column.indicator": ("Indicator", "指标"),
    "report.column.level": ("Level", "得分"),
    "report.column.interval": ("95 % interval", "95%区间"),
    "report.column.change": ("Change", "变化"),
    "report.column.importance": ("Importance", "重要性"),
    "report.column.answers": ("Answers", "回答数"),
    "report.column.what": ("What was checked", "检查内容"),
    "report.column.where": ("Where", "对象"),
    "report.column.value": ("Value", "数值"),
    "report.column.threshold": ("Required", "要求"),
    "report.column.todo": ("What to do", "建议"),
    "report.up": ("rose", "上升"),
    "report.down": ("fell", "下降"),
    "report.trust_pass": ("All checks pass.", "全部检查通过。"),
    "report.trust_text": (
        "Checked against published thresholds ({passed} of {all} pass). What did not pass:",
        "按已发表的标准检查，{all}项中{passed}项通过。未通过或需注意的如下：",
    ),
    "report.rescaled": (
        "{n} questions were asked on another scale in one of these waves and taken to their own ends: {names}.",
        "有{n}题在部分批次采用不同量表，已按两端换算：{names}。",
    ),
    "report.weighted": (
        "Answers are weighted to the population by {names}; {n} of them count like {effective} (design effect {effect}).",
        "已按{names}对总体加权；{n}份答卷相当于{effective}份（设计效应{effect}）。",
    ),
    "report.refused": (
        "{cells} cells and {rows} rows of the answer file could not be used and were kept apart; {gaps} of the answers to the "
        "model's questions are missing.",
        "答卷中有{cells}个单元格、{rows}行无法使用，已单独保留；模型所用题项的缺失比例为{gaps}。",
    ),
    "report.refused_none": (
        "Every cell of the answer file could be used; {gaps} of the answers to the model's questions are missing.",
        "答卷的全部单元格均可使用；模型所用题项的缺失比例为{gaps}。",
    ),
    "report.unlike": (
        "Those who answered differ from the customer base in: {names}.",
        "作答者与全体客户存在差异：{names}。",
    ),
    "report.unweighted": (
        "The index is that of the answers as they came, without weights that would correct this.",
        "指数按实际回答计算，未加权校正。",
    ),
    "report.spread": ("{name} {difference} SD", "{name} {difference} 个标准差"),
    "scheme.path": ("path", "路径"),
    "scheme.factorial": ("factorial", "因子"),
    "scheme.centroid": ("centroid", "重心"),
    "missing.em": ("EM", "EM 法"),
    "missing.listwise": ("incomplete answers left out", "剔除不完整答卷"),
    "missing.pairwise": ("pair by pair", "成对使用"),
    "missing.regression": ("filled with conditional means", "回归填补"),
    "missing.mean": ("filled with means", "均值填补"),
    "report.alike": (
        "In recorded behaviour those who answered are like the customer base (no difference above 0.1 SD).",
        "作答者的行为特征与全体客户相近（差异均不超过0.1个标准差）。",
    ),
    "report.lost_draws": ("{lost} of {draws} resamples could not be used.", "{draws}次重抽样中有{lost}次无法使用。"),
    "report.overlap": (
        "{count} customers answered more than one wave; the intervals of changes treat waves as independent.",
        "有{count}名客户参加了多期调查；变化区间按各期独立计算。",
    ),
    "report.care_section": ("Customers to care for first", "优先关怀的客户"),
    "report.care_text": (
        "{treated} customers were chosen among {eligible} who may be contacted, out of {base}. Their keys stand in "
        "{file} only, not in this report.",
        "在{base}名客户中，有{eligible}名可以联系，从中选出{treated}名优先关怀。客户号码仅见于 {file}，不在本报告内。",
    ),
    "report.care_expected": (
        "About {expected} of them are expected to be dissatisfied; among as many chosen at random it would be {random}.",
        "预计其中约{expected}名不满意；若随机抽取同样人数，约为{random}名。",
    ),
    "report.care_accuracy": (
        "How well behaviour tells the dissatisfied apart was measured on {n} answers that the model had not seen: AUC {auc} "
        "({low} to {high}; 0.5 is chance).",
        "行为数据区分不满意客户的能力在{n}份模型未见过的回答上检验：AUC {auc}（{low} 至 {high}；0.5为随机）。",
    ),
    "report.reasons": ("What goes with their risk", "与其风险相伴的情况"),
    "report.method": ("How this was computed", "计算方法"),
    "report.method_text": (
        "Index and effects by partial least squares ({scheme} weighting; missing answers: {missing}); intervals from {draws} "
        "bootstrap resamples, seed {seed}; csi {version}.",
        "指数与效应由偏最小二乘法估计（{scheme}加权；缺失处理：{missing}）；"
        "区间来自{draws}次自助重抽样，种子{seed}；csi {version}。",
    ),
    "report.source": ("Answers: {file}, SHA-256 {digest}.", "答卷文件：{file}，SHA-256 {digest}。"),
    "absent.one_wave": (
        "Only one wave is at hand, so there is no trend and no change yet.",
        "目前仅有一期数据，暂无走势与变化。",
    ),
    "absent.no_segments": ("The codebook names no segments.", "编码本未定义分群。"),
    "absent.no_drivers": (
        "Nothing leads to the target in this model, so there is no priority map.",
        "模型中没有指向目标的驱动因素，故无优先图。",
    ),
    "absent.no_behaviour": (
        "No behaviour table is named in the study file, so nobody can be found beyond those who answered.",
        "研究文件未指定行为数据表，因此无法识别未受访的客户。",
    ),
    "absent.no_key": (
        "The answers carry no customer key, so they cannot be joined to behaviour.",
        "答卷没有客户标识，无法与行为数据关联。",
    ),
    "absent.no_risk": ("The study file does not say who counts as dissatisfied.", "研究文件未定义何为不满意客户。"),
    "absent.too_few_dissatisfied": (
        "Too few dissatisfied customers answered to learn what goes with dissatisfaction.",
        "不满意的受访客户过少，无法识别其特征。",
    ),
    "absent.no_care": (
        "The study file says nothing about care, so no list was drawn.",
        "研究文件未设定关怀规则，未生成关怀名单。",
    ),
    "term.model": ("the whole model", "整个模型"),
    "term.weights": ("the weights", "权重"),
    "term.items": ("the items", "题项"),
    "term.factors": ("the common factors", "公共因子"),
    "term.n": ("the answers", "样本"),
    "term.bootstrap": ("the resamples", "重抽样"),
    "verdict.pass": ("pass", "通过"),
    "verdict.note": ("note", "注意"),
    "verdict.fail": ("fail", "不通过"),
    # care lists
    "care.do_not_disturb_not_recorded": (
        "Do-not-disturb is not recorded: nobody is excluded by it.",
        "未记录免打扰标识，名单未据此剔除任何客户。",
    ),
    "care.consent_not_recorded": (
        "Consent is not recorded: nobody is excluded by it.",
        "未记录客户授权，名单未据此剔除任何客户。",
    ),
    "care.do_not_disturb_unreadable": (
        "{count:,} customers have no readable do-not-disturb flag and are excluded.",
        "{count:,}名客户的免打扰标识缺失或无法识别，已从名单剔除。",
    ),
    "care.consent_unreadable": (
        "{count:,} customers have no readable consent flag and are excluded.",
        "{count:,}名客户的授权标识缺失或无法识别，已从名单剔除。",
    ),
    "care.capacity_above_eligible": (
        "The capacity of {count:,} is above the {other:,} eligible customers: all of them are listed.",
        "关怀能力为{count:,}名，超过可关怀的{other:,}名客户，已全部列入。",
    ),
    "care.no_holdout": (
        "Nobody is held out, so the effect of this care cannot be measured.",
        "未设对照组，本次关怀效果将无法评估。",
    ),
    "care.no_better_than_chance": (
        "The risk model is no better than chance, so this list is no better than a random one.",
        "风险模型的识别能力不优于随机，本名单不优于随机抽取。",
    ),
    "care.reason": (
        "{feature}: {value} (typically {typical}) goes with a risk {points:.1f} percentage points higher.",
        "{feature}为{value}（一般为{typical}），与之相伴的不满意风险高出{points:.1f}个百分点。",
    ),
    "care.no_reason": (
        "No single feature sets this customer apart.",
        "没有单项特征使该客户明显不同于一般客户。",
    ),
    "care.no_record": ("no record", "无记录"),
    # export.*: words of exported tables, by the name of the column
    "export.yes": ("yes", "是"),
    "export.no": ("no", "否"),
    "export.column.term": ("Term", "项目"),
    "export.column.estimate": ("Estimate", "估计值"),
    "export.column.std_error": ("SE", "标准误"),
    "export.interval": ("CI", "置信区间"),
    "export.interval_at": ("{level} % CI", "{level}%置信区间"),
    "export.column.ci_interval": ("{ci}", "{ci}"),
    "export.column.loading_interval": ("{ci}", "{ci}"),
    "export.column.p_value": ("p", "p"),
    "export.column.n": ("n", "样本量"),
    "export.column.construct": ("Construct", "潜变量"),
    "export.column.item": ("Item", "题项"),
    "export.column.loading": ("Loading", "载荷"),
    "export.column.coefficient": ("Coefficient", "系数"),
    "export.column.quantity": ("Quantity", "统计量"),
    "export.column.delta": ("Shift δ (SD)", "偏移 δ（标准差）"),
    "export.column.tips": ("Conclusion changes", "结论改变"),
    "export.column.q2_predict": ("Q²predict", "Q²predict"),
    "export.column.q2_items": ("Q²predict of items", "题项 Q²predict"),
    "export.column.rmse": ("RMSE", "RMSE"),
    "export.column.mae": ("MAE", "MAE"),
    "export.column.mape": ("MAPE (%)", "MAPE（%）"),
    "export.column.rmse_in_sample": ("RMSE in sample", "样本内 RMSE"),
    "export.column.mae_in_sample": ("MAE in sample", "样本内 MAE"),
    "export.column.rmse_lm_direct": ("RMSE, LM", "线性模型 RMSE"),
    "export.column.rmse_lm_exogenous": ("RMSE, LM of exogenous items", "外生题项线性模型 RMSE"),
    "export.column.rmse_lm_other": ("RMSE, LM of all other items", "其他全部题项线性模型 RMSE"),
    "export.column.items": ("Items", "题项"),
    "export.column.mode": ("Mode", "测量模式"),
    "export.column.causes": ("Causes", "原因变量"),
    "export.column.kind": ("Kind", "类型"),
    "export.column.alpha": ("Cronbach's α", "克朗巴赫 α"),
    "export.column.rho_a": ("rho_A", "rho_A"),
    "export.column.rho_c": ("rho_C", "rho_C"),
    "export.column.ave": ("AVE", "AVE"),
    "export.column.criterion": ("Criterion", "检验内容"),
    "export.column.threshold": ("Required", "要求"),
    "export.column.verdict": ("Verdict", "结论"),
    "export.column.source": ("Source", "依据"),
    "export.column.advice": ("What to do", "建议"),
    "export.column.level": ("Level", "水平"),
    "export.column.performance": ("Performance", "表现"),
    "export.column.performance_interval": ("Performance, {ci}", "表现{ci}"),
    "export.column.quadrant": ("Quadrant", "象限"),
    "export.column.finding": ("Finding", "发现"),
    "export.column.change": ("Change", "变化"),
    "export.column.change_interval": ("Change, {ci}", "变化{ci}"),
    "export.column.change_p": ("Change p", "变化 p"),
    "export.column.changed": ("Changed", "变化方向"),
    "export.column.own_weights": ("Own weights", "按自身权重"),
    "export.column.n_effective": ("Effective n", "有效样本量"),
    "export.column.published": ("Published", "是否发布"),
    "export.column.note": ("Note", "说明"),
    "export.column.sd": ("SD", "标准差"),
    "export.column.floor": ("Floor", "最低分占比"),
    "export.column.ceiling": ("Ceiling", "最高分占比"),
    "export.column.top_2_box": ("Top 2 box", "前两档占比"),
    "export.column.respondent_mean": ("Respondent mean", "作答者均值"),
    "export.column.base_mean": ("Base mean", "全体均值"),
    "export.column.base_sd": ("Base SD", "全体标准差"),
    "export.column.base_n": ("Base n", "全体客户数"),
    "export.column.reference": ("Reference", "参照"),
    "export.column.population": ("True value", "真值"),
    "export.column.bias": ("Bias", "偏差"),
    "export.column.power": ("Power", "检验力"),
    "export.column.used": ("Samples used", "可用样本数"),
    "export.column.draws": ("Draws", "抽样次数"),
    "export.column.required_n": ("Required n", "所需样本量"),
    "export.column.wave": ("Wave", "期次"),
    "export.column.file": ("File", "文件"),
    "export.column.found": ("Found", "是否存在"),
    "export.column.bytes": ("Bytes", "字节数"),
    # what stands below an exported table
    "export.note": ("Note. {text}.", "注：{text}。"),
    "export.note.n": ("n = {value}", "n = {value}"),
    "export.note.draws": ("{value} draws", "{value}次自助抽样"),
    "export.note.interval": ("{level} % intervals", "{level}%置信区间"),
    "export.note.percentile": ("{level} % percentile intervals", "{level}%百分位数置信区间"),
    "export.note.bc": ("{level} % bias-corrected intervals", "{level}%偏差校正置信区间"),
    "export.note.bca": ("{level} % BCa intervals", "{level}% BCa 置信区间"),
    "export.note.studentised": ("{level} % studentised intervals", "{level}%学生化置信区间"),
    # quantities
    "quantity.paths": ("Path coefficient", "路径系数"),
    "quantity.total_effects": ("Total effect", "总效应"),
    "quantity.indirect_effects": ("Indirect effect", "间接效应"),
    "quantity.specific_indirect_effects": ("Specific indirect effect", "特定间接效应"),
    "quantity.effects_in_points": ("Effect in points", "效应（分）"),
    "quantity.weights": ("Outer weight", "外部权重"),
    "quantity.loadings": ("Loading", "载荷"),
    "quantity.r_squared": ("R²", "R²"),
    "quantity.r_squared_adjusted": ("Adjusted R²", "调整后 R²"),
    "quantity.f_squared": ("f²", "f²"),
    "quantity.htmt": ("HTMT", "HTMT"),
    "quantity.construct_correlations": ("Correlation", "相关"),
    "quantity.index": ("Index, 0-100", "指数（0-100）"),
    "coefficient.alpha": ("Cronbach's α", "克朗巴赫 α"),
    "coefficient.rho_a": ("rho_A", "rho_A"),
    "coefficient.rho_c": ("rho_C", "rho_C"),
    "coefficient.ave": ("AVE", "AVE"),
    "quality.speeder": ("Too fast", "答题过快"),
    "quality.speeder.rule": (
        "under {limit_seconds} s an item: below {median_share} of the median of {limit_median_seconds} s, or "
        "below {seconds_per_item} s",
        "每题不足{limit_seconds}秒：低于中位数{limit_median_seconds}秒的{median_share}，或低于{seconds_per_item}秒",
    ),
    "quality.speeder.why": ("Nobody reads a question so fast.", "这样的速度来不及读题。"),
    "quality.straightliner": ("Same answer down whole batteries", "整组同答"),
    "quality.straightliner.rule": (
        "no variation in more than {straightlined} of the batteries",
        "超过{straightlined}的题组内毫无变化",
    ),
    "quality.straightliner.why": (
        "One answer for everything saves reading; but who is content with all may give it honestly.",
        "一答到底可省去读题；但处处满意者也可能如实如此作答。",
    ),
    "quality.long_run": ("Same answer many times in a row", "连续同答"),
    "quality.long_run.rule": (
        "the longest run of equal answers covers {longest_run} of the answers or more, and ten or more",
        "最长的连续相同回答占全部回答的{longest_run}及以上，且不少于10题",
    ),
    "quality.long_run.why": (
        "A long run of one answer across topics is seldom a judgement of each.",
        "跨主题的长串同答很少是逐题判断的结果。",
    ),
    "quality.low_variability": ("Hardly any variation", "几乎无变化"),
    "quality.low_variability.rule": (
        "spread over items below {limit_low_variability} of the scale, {deviations} robust SD below the median",
        "各题回答的离散低于量表全距的{limit_low_variability}（比中位数低{deviations}个稳健标准差）",
    ),
    "quality.low_variability.why": (
        "The respondent tells the questions apart far less than others do.",
        "对各题的区分远低于其他人。",
    ),
    "quality.erratic": ("Erratic within topics", "同主题忽高忽低"),
    "quality.erratic.rule": (
        "spread within constructs above {limit_erratic} of the scale, {deviations} robust SD above the median",
        "潜变量内部的离散高于量表全距的{limit_erratic}（比中位数高{deviations}个稳健标准差）",
    ),
    "quality.erratic.why": (
        "Questions about one thing are answered at random heights.",
        "对同一事物的各题回答高低不定，近于随机。",
    ),
    "quality.against_profile": ("Against the common profile", "与众人走势相反"),
    "quality.against_profile.rule": (
        "correlation with the other respondents' means below {limit_against_profile}, {deviations} robust SD "
        "below the median",
        "与其他人各题均值的相关低于{limit_against_profile}（比中位数低{deviations}个稳健标准差）",
    ),
    "quality.against_profile.why": (
        "What others rate high is rated low, and the reverse.",
        "他人评高的评低，他人评低的评高。",
    ),
    "quality.even_odd": ("Odd and even items disagree", "奇偶题不一致"),
    "quality.even_odd.rule": (
        "consistency below {even_odd}, and halves correlated below {limit_even_odd}",
        "奇偶一致性低于{even_odd}，且两半相关低于{limit_even_odd}",
    ),
    "quality.even_odd.why": (
        "Two halves of the same topics give different profiles.",
        "同样主题的两半题目给出不同的走势。",
    ),
    "quality.outlier": ("Unusual combination", "异常组合"),
    "quality.outlier.rule": (
        "chance of a Mahalanobis distance as large below {outlier}",
        "出现如此大的马氏距离之概率低于{outlier}",
    ),
    "quality.outlier.why": (
        "The answers do not go together as everyone's do; a rare but honest customer may be among them.",
        "各题回答的组合与众不同；其中也可能有少见但真实的客户。",
    ),
    "quality.contradictory": ("Reversed items contradict", "正反题矛盾"),
    "quality.contradictory.rule": (
        "agrees, or disagrees, with a construct's straight and reversed items alike",
        "对同一潜变量的正向题与反向题同样赞同或同样不赞同",
    ),
    "quality.contradictory.why": (
        "Both cannot be true; the wording was probably not read.",
        "两者不能同真，很可能未读题意。",
    ),
    "quality.implausible": ("Answers that cannot be true together", "逻辑矛盾"),
    "quality.implausible.rule": (
        "an answer to a question not to be asked, or a pattern that the rules call impossible",
        "回答了不应询问的题，或出现规则所列的不可能组合",
    ),
    "quality.implausible.why": ("A fault of routing, of entry, or of attention.", "跳转、录入或注意力有误。"),
    "quality.duplicate": ("Repeated response", "重复作答"),
    "quality.duplicate.rule": (
        "a key that was there before, or all answers equal to an earlier respondent's where chance does so in "
        "{duplicate} of surveys at most",
        "编号此前已出现，或全部回答与此前某人相同，而偶然如此的概率不超过{duplicate}",
    ),
    "quality.duplicate.why": (
        "Sent twice, or copied; the first one is not flagged.",
        "重复提交或复制；最先的一份不作标记。",
    ),
    "quality.unanswered": ("Many items unanswered", "漏答过多"),
    "quality.unanswered.rule": (
        "more than {unanswered} of the items asked without an answer",
        "所问题项中超过{unanswered}未作答",
    ),
    "quality.unanswered.why": ("What is left says little about the respondent.", "所余回答不足以说明问题。"),
    "quality.break_off": ("Broke off", "中途退出"),
    "quality.break_off.rule": ("the last {break_off} items asked or more left out", "末尾至少{break_off}题未答"),
    "quality.break_off.why": ("The questionnaire was not finished.", "问卷未答完。"),
    "quality.excluded": (
        "{n} of {all} respondents ({share}) are left out. Reasons, of which one respondent may have several: "
        "{reasons}.",
        "共{all}名受访者，剔除{n}名（{share}）。原因（一人可有多项）：{reasons}。",
    ),
    "quality.excluded_by_kinds": (
        "{n} of {all} respondents ({share}) are left out, each with {kinds} kinds of evidence or more. Reasons, "
        "of which one respondent may have several: {reasons}.",
        "共{all}名受访者，剔除{n}名（{share}），每人至少有{kinds}类证据。原因（一人可有多项）：{reasons}。",
    ),
    "quality.no_rule": (
        "Nobody is left out: the rules name no flag that excludes ({all} respondents).",
        "未剔除任何受访者：规则未指定剔除标记（共{all}名受访者）。",
    ),
    "quality.share": ("Share of respondents judged, %", "占可判断受访者的比例（%）"),
    "quality.left_out": ("left out", "已剔除"),
    "quality.flagged": ("flagged, kept", "有标记，保留"),
    "quality.not_judged": ("not judged", "无法判断"),
    "quality.kind.time": ("Time", "时间"),
    "quality.kind.sameness": ("Sameness", "雷同"),
    "quality.kind.inconsistency": ("Inconsistency", "不一致"),
    "quality.kind.contradiction": ("Contradiction", "矛盾"),
    "quality.kind.repetition": ("Repetition", "重复"),
    "quality.kind.gaps": ("Gaps", "缺答"),
    # outlet.*: the league of outlets; reply.*: classes of replies to a service text
    "outlet.satisfied": ("Satisfied ratings, %", "满意评价占比（%）"),
    "outlet.points": ("Mean points, 0-100", "平均得分（0-100）"),
    "outlet.mean": ("mean of the outlets {value}", "各营业厅均值 {value}"),
    "outlet.estimate": ("estimate with {level} % interval (number of ratings)", "估计值及{level}%区间（评价数）"),
    "outlet.raw": ("replies alone", "仅按回复计算"),
    "outlet.best": (
        "among the best {top}, probability {probability} % or more",
        "位列前{top}名的概率不低于{probability}%",
    ),
    "outlet.last": (
        "among the last {top}, probability {probability} % or more",
        "位列后{top}名的概率不低于{probability}%",
    ),
    "reply.very_good": ("very good", "很好"),
    "reply.good": ("good", "好"),
    "reply.average": ("average", "一般"),
    "reply.poor": ("poor", "差"),
    "reply.never_visited": ("never visited", "没去过"),
    "reply.not_me": ("was not me", "非本人办理"),
    "reply.staff_complaint": ("staff attitude complaint", "对服务人员态度不满"),
    "reply.unreadable": ("unreadable", "回复内容有误"),
    "reply.no_reply": ("no reply", "未回复"),
    "export.column.rank": ("Rank", "名次"),
    "export.column.rank_interval": ("Rank, {ci}", "名次{ci}"),
    "export.column.top_probability": ("Probability among the best", "位列前茅概率"),
    "export.column.bottom_probability": ("Probability among the last", "位列末尾概率"),
    "export.column.raw": ("Replies alone", "仅按回复"),
    "export.column.raw_interval": ("Replies alone, {ci}", "仅按回复{ci}"),
    "export.column.next_interval": ("Next month's replies, {ci}", "下月回复{ci}"),
    "export.column.few": ("Few ratings", "评价偏少"),
    "export.column.visits": ("Visits", "到访次数"),
    "export.column.replied": ("Replied", "回复数"),
    "export.column.reply_rate": ("Reply rate", "回复率"),
    "export.column.staff_complaints": ("Complaints about staff", "服务态度投诉数"),
    "export.column.outlet": ("Outlet", "营业厅"),
    "export.column.visited_at": ("Visited", "到访时间"),
    "export.column.replied_at": ("Replied at", "回复时间"),
    "export.column.reply_class": ("Reply read as", "回复类别"),
    "export.column.attitude": ("Complains about staff", "不满服务态度"),
    "export.column.reply": ("Reply", "回复内容"),
    "export.column.occasions": ("Occasions", "不满次数"),
    "export.column.period": ("Period", "期间"),
    "export.column.count": ("Count", "计数"),
}


def say(code: str, language: str = "en", **values: object) -> str:
    """The text for a code, its fields filled in.

    >>> say("construct.Satisfaction", "zh")
    '客户满意度'
    """
    if language not in LANGUAGES:
        raise CsiError(f"there are words for 'en' and 'zh', not for {language!r}.")
    if code not in WORDS:
        raise CsiError(f"there is no text for {code!r}. {known_names(code, WORDS, 'Known codes are')}")
    text = WORDS[code][LANGUAGES.index(language)]
    return text.format(**values) if values else text


def knows(code: str) -> bool:
    """Whether there is a text for this code."""
    return code in WORDS
