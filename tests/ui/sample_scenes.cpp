#include "tests/ui/sample_scenes.h"

namespace kvasir {
namespace {

QString u(const char* text) {
    return QString::fromUtf8(text);
}

ScriptedPage terminationPage() {
    return {{
        u("#14. TERM AND TERMINATION"),
        u("14.1 Term. This Agreement takes effect on 1 April 2025 and continues for an initial term of "
          "thirty-six (36) "
          "months (the “Initial Term”), [[unless it is ended earlier]] in accordance with this clause 14."),
        u("14.2 Renewal. At the end of the Initial Term this Agreement renews for successive periods of "
          "twelve (12) "
          "months, unless either Party gives the other written notice of non-renewal at least ninety (90) "
          "days before "
          "the end of the then current period."),
        u("14.3 Termination for convenience. {{1:The Buyer may terminate this Agreement, or any Order under "
          "it, at any "
          "time}} by giving the Supplier [[not less than sixty (60) days’ written notice.]] The Supplier "
          "shall not "
          "terminate for convenience during the Initial Term."),
        u("14.4 Termination for cause. {{2:Either Party may terminate this Agreement with immediate effect "
          "by written "
          "notice}} [[if the other Party (a) commits a material breach]] which is not capable of remedy; (b) "
          "[[commits a "
          "material breach which is capable of remedy and fails to remedy it within thirty (30) days]] of a "
          "written "
          "notice describing the breach; or (c) becomes unable to pay its debts as they fall due."),
        u("14.5 Repeated late delivery. [[Three (3) or more late deliveries within any period of six (6) "
          "months count "
          "as a material breach which is not capable of remedy. This clause does not apply where the delay "
          "is caused "
          "by the Buyer’s failure to approve drawings]] within the period stated in Schedule 4."),
        u("14.6 Consequences. On termination (a) the Supplier [[shall complete all Orders accepted before "
          "the date of "
          "the notice,]] unless the Buyer instructs otherwise in writing; (b) [[the Buyer shall pay for "
          "Goods "
          "delivered]] and accepted up to that date."),
    }};
}

ScriptedPage fillerPage(int number) {
    ScriptedPage page;
    page.paragraphs << QString("#%1. PROVISIONS OF PART %1").arg(number);
    for (int i = 1; i <= 7; ++i) {
        // Shares that differ from page to page, the same in every run.
        const bool carried = (number * 7 + i * i) % 5 == 0;
        const QString clause =
            "The Supplier shall deliver the Goods with the documents named in Schedule 2, packed and "
            "marked as the Order says, and tell the Buyer of any delay as soon as it is known. ";
        page.paragraphs << QString("%1.%2 Clause. %3")
                               .arg(number)
                               .arg(i)
                               .arg(carried ? "[[" + clause.trimmed() + "]] Nothing else applies."
                                            : clause + "Nothing else applies.");
    }
    return page;
}

}  // namespace

DocumentId addAgreement(ScriptedWorkspace& workspace) {
    std::vector<ScriptedPage> pages;
    for (int i = 1; i <= 112; ++i)
        pages.push_back(i == 37 ? terminationPage() : fillerPage(i));
    pages[62].paragraphs[3] =
        u("S3.3 Materials. Where the Buyer ends an Order under clause 14.3, the Supplier shall use "
          "reasonable efforts to cancel or re-use materials. {{3:The Buyer pays for materials which "
          "cannot be cancelled or re-used, up to EUR 40,000 for each Order.}}");
    return workspace.addPdf("FSA-2231 Framework Supply Agreement.pdf", pages);
}

void addAgreementAnswers(ScriptedWorkspace& workspace, DocumentId agreement) {
    const std::vector<Citation> places = workspace.citations(agreement);
    Answer first = scriptedAnswer(
        u("With how much notice can the buyer end the contract, and what does it cost?"),
        u("The Buyer can end the agreement at any time with **at least 60 days’ written notice** [1]. The "
          "notice has to "
          "go by registered post; e-mail alone is not enough [2]. There is no termination fee. The Buyer "
          "pays for goods "
          "already delivered, and for materials that can no longer be cancelled up to **EUR 40,000** [3]."),
        places);
    first.facts = {{"60 days", 50, 57, CheckedFact::Found::OnCitedPage, 36},
                   {"EUR 40,000", 200, 210, CheckedFact::Found::OnCitedPage, 62}};
    first.missingPages = {56, 195, 196, 197};
    workspace.addAnswer(agreement, first);
    Answer second = scriptedAnswer(u("Does repeated late delivery let us end it sooner?"),
                                   u("Yes. Three or more late deliveries within any six months count as a "
                                     "material breach that cannot be put right "
                                     "[2], and a material breach of that kind allows either party to end the "
                                     "agreement with immediate effect by "
                                     "written notice [1]. This does not apply where"),
                                   places);
    second.figures.firstTokenMs = 900;
    second.state = AnswerState::Writing;
    workspace.addAnswer(agreement, second);
}

DocumentId addJapaneseContract(ScriptedWorkspace& workspace) {
    const ScriptedPage page = {{
        u("#第8章　契約期間および解約"),
        u("第31条（契約期間）　本契約の有効期間は、2025年4月1日から2028年3月31日までとする。ただし、期間満了"
          "の90日前までに甲乙いずれからも書面による別段の意思表示がないときは、同一の条件でさらに1年間更新さ"
          "れるものとし、[[以後も同様とする。]]"),
        u("第32条（中途解約）　{{1:"
          "甲は、有効期間中であっても、60日前までに書面で乙に通知することにより、本契約または個別契約の全部も"
          "しくは一部を解約することができる。}}"),
        u("２　乙は、当初の有効期間中は、[[前項に準じた解約をすることができない。]]"),
        u("第33条（解除）　[[甲または乙は、相手方が次の各号のいずれかに該当したときは、]]"
          "何らの催告を要せず、直ちに本契約を解除することができる。"),
        u("第34条（納期遅延の反復）　[[6か月以内に3回以上の納期遅延]]"
          "があったときは、是正不能な重大な違反とみなす。ただし、甲による図面の承認の遅れに起因する遅延につい"
          "ては、この限りでない。"),
        u("第35条（解約時の措置）　乙は、解約の通知日より前に[[承諾した注文をすべて履行しなければならない。]"
          "]"),
        u("２　甲は、{{2:"
          "引渡し済みの目的物の代金、および取消しのできない材料費を金400万円を上限として支払う。違約金は発生"
          "しない。}}"),
    }};
    std::vector<ScriptedPage> pages(84, page);
    for (std::size_t i = 0; i < pages.size(); ++i)
        if (i != 36)
            for (QString& paragraph : pages[i].paragraphs) {
                paragraph.replace("{{1:", i % 3 == 0 ? "[[" : "").replace("{{2:", i % 4 == 0 ? "[[" : "");
                paragraph.replace("}}", paragraph.contains("[[") ? "]]" : "");
            }
    return workspace.addPdf(u("購買基本契約書 2025-031.pdf"), pages, true);
}

void addJapaneseAnswers(ScriptedWorkspace& workspace, DocumentId contract) {
    const std::vector<Citation> places = workspace.citations(contract);
    Answer first = scriptedAnswer(
        u("買主が解約するには、何日前の通知と、いくらの費用が必要ですか。"),
        u("買主（甲）は、**60日前までに書面で通知**すれば、いつでも契約の全部または一部を解約できます[1]"
          "。違約金はありません。引渡し済みの代金と、取消しのできない材料費を**400万円を上限**"
          "として支払います[2]。"),
        places);
    first.figures.firstTokenMs = 1200;
    first.facts = {{"60日", 0, 5, CheckedFact::Found::OnCitedPage, 36},
                   {"400万円", 0, 5, CheckedFact::Found::OnCitedPage, 36}};
    workspace.addAnswer(contract, first);
    Answer second =
        scriptedAnswer(u("納期遅延が続いた場合は、すぐに解除できますか。"),
                       u("はい。6か月以内に3回以上の納期遅延があれば、是正不能な重大な違反とみなされ[1]"
                         "、催告なしに直ちに解除できます[2]。ただし、甲による図面の承認の遅れにある場合は、"),
                       places);
    second.mode = AnswerMode::Full;
    second.figures.firstTokenMs = 300;
    second.state = AnswerState::Writing;
    workspace.addAnswer(contract, second);
}

DocumentId addGatewayLog(ScriptedWorkspace& workspace, int count) {
    QStringList lines;
    for (int i = 0; i < count; ++i) {
        const QString time = QString("02:%1:%2.%3")
                                 .arg(i / 3000 % 60, 2, 10, QChar(u'0'))
                                 .arg(i / 50 % 60, 2, 10, QChar(u'0'))
                                 .arg(i * 37 % 1000, 3, 10, QChar(u'0'));
        QString line = time + QString(" INFO http GET /v2/health 200 in %1 ms").arg(i % 7 + 1);
        if (i % 9 == 4)
            line = time + " DEBUG pool db-main: opened connection " + QString::number(i % 40) + " of 40";
        if (i % 23 == 11) line = time + " WARN pool [[db-main: 38 of 40 connections in use, 3 waiting]]";
        lines << line;
    }
    const int at = count / 4;
    lines[at] =
        u("02:13:51.007 INFO sched {{1:job nightly-reindex: workers=36 (config override, default 8)}}");
    lines[at + 4] = u("02:13:55.604 WARN pool [[db-main: 38 of 40 connections in use, 3 waiting]]");
    lines[at + 6] = u("02:14:01.350 WARN pool [[db-main: 40 of 40 connections in use, 12 waiting]]");
    lines[at + 8] =
        u("02:14:05.310 ERROR pool {{2:db-main: no connection within 2000 ms (waiting 41, in use 40)}}");
    lines[at + 9] = u("02:14:05.311 ERROR http [[POST /v2/orders 503 in 2004 ms (req 7f3209)]]");
    return workspace.addLog("order-gateway 03-14.log", lines);
}

void addLogAnswer(ScriptedWorkspace& workspace, DocumentId log) {
    Answer answer = scriptedAnswer(u("Why were orders refused shortly after 02:14?"),
                                   u("The database connections ran out. At 02:13:51 the nightly re-index job "
                                     "started with 36 workers instead of the "
                                     "usual 8 [1], and each worker holds one of the 40 connections. From "
                                     "02:14:05 orders waited longer than 2 "
                                     "seconds for a connection and were refused with code 503 [2]."),
                                   workspace.citations(log));
    answer.facts = {{"36", 0, 2, CheckedFact::Found::OnCitedPage, 0},
                    {"503", 0, 2, CheckedFact::Found::Nowhere, -1}};
    workspace.addAnswer(log, answer);
}

}  // namespace kvasir
