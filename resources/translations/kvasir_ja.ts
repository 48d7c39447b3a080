<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja" sourcelanguage="en">
<context>
    <name>Phrases</name>
    <message>
        <source>it was left out: the document leaves no room</source>
        <translation>文書が長く余地がないため、前の回答は使っていません</translation>
    </message>
    <message>
        <source>it was left out: too long</source>
        <translation>長すぎるため、前の回答は使っていません</translation>
    </message>
    <message>
        <source>it was shortened: the document leaves little room</source>
        <translation>文書が長く余地が少ないため、前の回答を短くしました</translation>
    </message>
    <message>
        <source>it was shortened</source>
        <translation>前の回答を短くしました</translation>
    </message>
    <message>
        <source>the newest %1 of %2 earlier answers went along</source>
        <translation>前の回答%2件のうち新しい%1件を使用</translation>
    </message>
    <message>
        <source>From %1 of %2 parts read so far · %3 to first word</source>
        <translation>%2部中%1部まで読んだ時点の回答・%3で開始</translation>
    </message>
    <message>
        <source>With all parts that fit: same words</source>
        <translation>読める部分をすべて読んだ結果: 同じ文面</translation>
    </message>
    <message>
        <source>With all parts that fit: same facts, other words</source>
        <translation>読める部分をすべて読んだ結果: 内容は同じ(表現が異なる)</translation>
    </message>
    <message>
        <source>With more parts: different</source>
        <translation>さらに読んだ結果: 異なる</translation>
    </message>
    <message>
        <source>Reading in parts</source>
        <translation>部分ごとに読み取り中</translation>
    </message>
    <message>
        <source>%1 of %2 parts read</source>
        <translation>%2部中%1部を読み取り済み</translation>
    </message>
    <message>
        <source>parts that fit the question best come first</source>
        <translation>質問に最も合う部分から読みます</translation>
    </message>
    <message>
        <source>longer than the model&apos;s window: quick answers only</source>
        <translation>モデルが一度に扱える量を超えているため、クイック回答のみ</translation>
    </message>
    <message>
        <source>The parts that fit the question best are read first.</source>
        <translation>質問に最も合う部分を先に読んでいます。</translation>
    </message>
    <message>
        <source>%1 to first word · from %2 passages</source>
        <translation>%1で開始・%2か所から</translation>
    </message>
    <message>
        <source>Full reading: same words</source>
        <translation>精読の結果: 同じ文面</translation>
    </message>
    <message>
        <source>Full reading: same facts, other words</source>
        <translation>精読の結果: 内容は同じ(表現が異なる)</translation>
    </message>
    <message>
        <source>Full reading: different</source>
        <translation>精読の結果: 異なる</translation>
    </message>
    <message>
        <source>Quick answer: same words</source>
        <translation>クイック回答の結果: 同じ文面</translation>
    </message>
    <message>
        <source>Quick answer: same facts, other words</source>
        <translation>クイック回答の結果: 内容は同じ(表現が異なる)</translation>
    </message>
    <message>
        <source>Quick answer: different</source>
        <translation>クイック回答の結果: 異なる</translation>
    </message>
    <message>
        <source> · 8-bit memory</source>
        <translation>・8ビットのメモリ</translation>
    </message>
    <message>
        <source> · drawn with the same seed</source>
        <translation>・同じ乱数の種で生成</translation>
    </message>
    <message>
        <source>p. %1</source>
        <translation>p. %1</translation>
    </message>
    <message>
        <source>line %1</source>
        <translation>%1行目</translation>
    </message>
    <message>
        <source>%1 “%2”</source>
        <comment>place, quotation</comment>
        <translation>%1「%2」</translation>
    </message>
    <message>
        <source>Ended here: the model began to repeat itself.</source>
        <translation>同じ内容の繰り返しになったため、ここで終了しました。</translation>
    </message>
    <message>
        <source>Ended here: the longest length was reached.</source>
        <translation>最大の長さに達したため、ここで終了しました。</translation>
    </message>
    <message>
        <source>Stopped by you</source>
        <translation>停止しました</translation>
    </message>
    <message>
        <source>Full reading</source>
        <comment>badge of an answer</comment>
        <translation>精読による回答</translation>
    </message>
    <message>
        <source>%1 s</source>
        <translation>%1 秒</translation>
    </message>
    <message>
        <source>%1 min</source>
        <translation>%1分</translation>
    </message>
    <message>
        <source>%1 h %2 min</source>
        <translation>%1時間%2分</translation>
    </message>
    <message>
        <source>%1 GB</source>
        <translation>%1 GB</translation>
    </message>
    <message>
        <source>First look</source>
        <translation>抜粋回答</translation>
    </message>
    <message>
        <source>Quick answer</source>
        <translation>クイック回答</translation>
    </message>
    <message>
        <source>%1 to first word · whole document</source>
        <translation>%1で開始・文書全体を使用</translation>
    </message>
    <message>
        <source>%1 to first word</source>
        <translation>%1で開始</translation>
    </message>
    <message>
        <source>%1 to first word · %2 carried</source>
        <translation>%1で開始・%2を引き継ぎ</translation>
    </message>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
    <message>
        <source>, </source>
        <comment>between page numbers</comment>
        <translation>、</translation>
    </message>
    <message>
        <source>%1 · p. %2</source>
        <translation>%1・p. %2</translation>
    </message>
    <message>
        <source>%1 · line %2</source>
        <translation>%1・%2行</translation>
    </message>
    <message>
        <source>Citation %1, page %2</source>
        <translation>参照%1、%2ページ</translation>
    </message>
    <message>
        <source>Citation %1, line %2</source>
        <translation>参照%1、%2行</translation>
    </message>
    <message>
        <source> · about %1 left</source>
        <translation>、あと約%1</translation>
    </message>
    <message>
        <source>Opening, page %1 of %2</source>
        <translation>読み込み中、%1/%2ページ</translation>
    </message>
    <message>
        <source>Opening</source>
        <translation>読み込み中</translation>
    </message>
    <message>
        <source>Text is ready</source>
        <translation>本文の読み込み済み</translation>
    </message>
    <message>
        <source>waiting for a model</source>
        <translation>モデルを待っています</translation>
    </message>
    <message>
        <source>First reading</source>
        <translation>下読み中</translation>
    </message>
    <message>
        <source>First reading done</source>
        <translation>下読み済み</translation>
    </message>
    <message>
        <source>Full reading</source>
        <translation>精読中</translation>
    </message>
    <message>
        <source>then nothing is left out</source>
        <translation>完了後は読み残しがありません</translation>
    </message>
    <message>
        <source>Fully read</source>
        <translation>精読済み</translation>
    </message>
    <message>
        <source>nothing is left out of new answers</source>
        <translation>以後の回答に読み残しはありません</translation>
    </message>
    <message>
        <source>Reading stopped</source>
        <translation>読み取りを停止中</translation>
    </message>
    <message>
        <source>at %1</source>
        <translation>%1まで</translation>
    </message>
    <message>
        <source>Not in memory</source>
        <translation>メモリ外</translation>
    </message>
    <message>
        <source>other documents need it; a question brings this one back</source>
        <translation>ほかの文書がメモリを使用中です。質問すると戻ります</translation>
    </message>
    <message>
        <source>Reading failed</source>
        <translation>読み取りに失敗しました</translation>
    </message>
    <message>
        <source>Locked</source>
        <translation>ロックされています</translation>
    </message>
    <message>
        <source>needs a password</source>
        <translation>パスワードが必要です</translation>
    </message>
    <message>
        <source>Will be answered when a model is chosen.</source>
        <translation>モデルを選ぶとお答えします。</translation>
    </message>
    <message>
        <source>Will be answered when the model is loaded.</source>
        <translation>モデルの読み込みが終わり次第お答えします。</translation>
    </message>
    <message>
        <source>Reading was stopped. Will be answered when it goes on.</source>
        <translation>読み取りは停止中です。再開するとお答えします。</translation>
    </message>
    <message>
        <source>The answer begins in a moment.</source>
        <translation>まもなく回答が始まります。</translation>
    </message>
    <message>
        <source>Will be answered when the first reading is done.</source>
        <translation>下読みが終わり次第お答えします</translation>
    </message>
    <message>
        <source>Will be answered when the first reading is done, in about %1.</source>
        <translation>下読みが終わり次第お答えします（約%1後）</translation>
    </message>
    <message>
        <source>1 passage is pinned; nothing was left out anyway</source>
        <translation>1か所をピン留め中。もともと読み残しはありません</translation>
    </message>
    <message>
        <source>%1 passages are pinned; nothing was left out anyway</source>
        <translation>%1か所をピン留め中。もともと読み残しはありません</translation>
    </message>
    <message>
        <source>Asked again with 1 pinned passage</source>
        <translation>1か所をピン留めして再質問</translation>
    </message>
    <message>
        <source>Asked again with %1 pinned passages</source>
        <translation>%1か所をピン留めして再質問</translation>
    </message>
    <message>
        <source>Asked with 1 pinned passage</source>
        <translation>1か所をピン留めして質問</translation>
    </message>
    <message>
        <source>Asked with %1 pinned passages</source>
        <translation>%1か所をピン留めして質問</translation>
    </message>
    <message>
        <source>too large for the memory that is free: quick answers only</source>
        <translation>空きメモリに収まらないため、クイック回答のみ</translation>
    </message>
    <message>
        <source>not enough memory for the full reading: quick answers only</source>
        <translation>精読に必要なメモリが足りないため、クイック回答のみ</translation>
    </message>
    <message>
        <source>the full reading failed: quick answers only</source>
        <translation>精読に失敗したため、クイック回答のみ</translation>
    </message>
</context>
<context>
    <name>kvasir::AnswerPanel</name>
    <message>
        <source>New conversation</source>
        <translation>新しい会話</translation>
    </message>
    <message>
        <source>A new conversation. The earlier ones are in the library, below the document&apos;s name.</source>
        <translation>新しい会話です。これまでの会話は、ライブラリの文書名の下にあります。</translation>
    </message>
    <message>
        <source>Answers</source>
        <translation>回答</translation>
    </message>
    <message>
        <source>Answers appear here when a document is open and you ask about it.</source>
        <translation>文書を開いて質問すると、ここに回答が表示されます。</translation>
    </message>
    <message>
        <source>Answers appear here. Type a question below: each answer names the pages it rests on, and a click on a page number shows the place.</source>
        <translation>ここに回答が表示されます。下の欄に質問を入力してください。回答には根拠のページ番号が付き、番号を押すとその箇所が表示されます。</translation>
    </message>
    <message>
        <source>Ask about this log</source>
        <translation>このログについて質問する</translation>
    </message>
    <message>
        <source>Ask about this document</source>
        <translation>この文書について質問する</translation>
    </message>
    <message>
        <source>No document open</source>
        <translation>文書は開かれていません</translation>
    </message>
    <message>
        <source>No model on this computer yet</source>
        <translation>モデルがまだありません</translation>
    </message>
    <message>
        <source>Use a file…</source>
        <translation>ファイルを使う…</translation>
    </message>
    <message>
        <source>Use another file…</source>
        <translation>別のファイルを使う…</translation>
    </message>
    <message>
        <source>The document is locked.</source>
        <translation>文書はロックされています。</translation>
    </message>
    <message>
        <source>The document could not be read.</source>
        <translation>文書を読み取れませんでした。</translation>
    </message>
</context>
<context>
    <name>kvasir::AnswerText</name>
    <message>
        <source> [p. %1]</source>
        <translation> [p. %1]</translation>
    </message>
    <message>
        <source> [line %1]</source>
        <translation> [%1行]</translation>
    </message>
</context>
<context>
    <name>kvasir::AnswerView</name>
    <message>
        <source>Follows on from an earlier answer</source>
        <translation>前の回答に続く質問</translation>
    </message>
    <message>
        <source>Follows on from answer %1</source>
        <translation>回答%1に続く質問</translation>
    </message>
    <message>
        <source>Looked at most, and not carried here:</source>
        <translation>精読が最も参照し、ここでは引き継がれなかった箇所:</translation>
    </message>
    <message>
        <source>Show answer %1</source>
        <translation>回答 %1 を表示</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>コピー</translation>
    </message>
    <message>
        <source>Answer: %1, %2</source>
        <translation>回答: %1、%2</translation>
    </message>
    <message>
        <source> · writing…</source>
        <translation>・作成中…</translation>
    </message>
    <message>
        <source>Hide</source>
        <translation>隠す</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>表示</translation>
    </message>
    <message>
        <source>%1 of %2 numbers found on the cited pages</source>
        <translation>数値%2件中%1件が参照先のページにあります</translation>
    </message>
    <message>
        <source>%1 of %2 numbers found on the cited lines</source>
        <translation>数値%2件中%1件が参照先の行にあります</translation>
    </message>
    <message>
        <source>&apos;%1&apos; is not on any page. Check it.</source>
        <translation>「%1」はどのページにもありません。確認してください</translation>
    </message>
    <message>
        <source>&apos;%1&apos; is not on any line. Check it.</source>
        <translation>「%1」はどの行にもありません。確認してください</translation>
    </message>
    <message>
        <source>&apos;%1&apos; is on page %2, not on the cited page.</source>
        <translation>「%1」は参照先ではなく%2ページにあります</translation>
    </message>
    <message>
        <source>&apos;%1&apos; is elsewhere, not on the cited line.</source>
        <translation>「%1」は参照先ではない行にあります</translation>
    </message>
    <message>
        <source>“%1”: not found</source>
        <translation>「%1」：見つかりません</translation>
    </message>
    <message>
        <source>“%1”: page %2</source>
        <translation>「%1」：%2ページ</translation>
    </message>
    <message>
        <source>“%1”: on a cited line</source>
        <translation>「%1」：参照先の行</translation>
    </message>
    <message>
        <source>“%1”: page %2, not cited</source>
        <translation>「%1」：%2ページ（参照先ではありません）</translation>
    </message>
    <message>
        <source>“%1”: on a line that is not cited</source>
        <translation>「%1」：参照先ではない行</translation>
    </message>
    <message>
        <source>The document does not seem to say this</source>
        <translation>この文書には記載がないようです</translation>
    </message>
    <message>
        <source>The passages named are the nearest ones.</source>
        <translation>示した箇所は最も近い内容です。</translation>
    </message>
    <message>
        <source>Answered without pages %1: they could not be read.</source>
        <translation>%1ページは読み取れなかったため、この回答に含まれていません。</translation>
    </message>
    <message>
        <source>%1.</source>
        <comment>a whole sentence</comment>
        <translation>%1。</translation>
    </message>
</context>
<context>
    <name>kvasir::DocumentView</name>
    <message>
        <source>“%1” (%2, page %3)</source>
        <translation>「%1」（%2、%3ページ）</translation>
    </message>
    <message>
        <source>“%1” (%2, line %3)</source>
        <translation>「%1」（%2、%3行）</translation>
    </message>
</context>
<context>
    <name>kvasir::FindBar</name>
    <message>
        <source>Find</source>
        <translation>検索</translation>
    </message>
    <message>
        <source>Find in this document</source>
        <translation>この文書を検索</translation>
    </message>
    <message>
        <source>Previous (Shift+F3)</source>
        <translation>前へ (Shift+F3)</translation>
    </message>
    <message>
        <source>Next (F3)</source>
        <translation>次へ (F3)</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
    <message>
        <source>Not found</source>
        <translation>見つかりません</translation>
    </message>
    <message>
        <source>%1 of more than %2</source>
        <translation>%2件以上中 %1件目</translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%2件中 %1件目</translation>
    </message>
</context>
<context>
    <name>kvasir::HeatStrip</name>
    <message>
        <source>Line %1</source>
        <translation>%1行</translation>
    </message>
    <message>
        <source>Page %1</source>
        <translation>%1ページ</translation>
    </message>
    <message>
        <source>, %1 % carried</source>
        <translation>、%1 %を引き継ぎ</translation>
    </message>
    <message>
        <source>, %1 cited</source>
        <translation>、参照%1件</translation>
    </message>
    <message>
        <source>Heat strip</source>
        <translation>ヒートストリップ</translation>
    </message>
    <message>
        <source>Heat strip, page %1 of %2</source>
        <translation>ヒートストリップ、%2ページ中%1ページ</translation>
    </message>
    <message>
        <source>Heat strip, line %1 of %2</source>
        <translation>ヒートストリップ、%2行中%1行</translation>
    </message>
    <message>
        <source>, %1 percent carried</source>
        <translation>、%1パーセントを引き継ぎ</translation>
    </message>
    <message>
        <source>, %1 pinned</source>
        <translation>、ピン留め%1件</translation>
    </message>
</context>
<context>
    <name>kvasir::Legend</name>
    <message>
        <source>Not read yet %1 %</source>
        <translation>未読 %1 %</translation>
    </message>
    <message>
        <source>Marks of answer</source>
        <translation>マークを表示する回答</translation>
    </message>
    <message>
        <source>Marks of answer %1</source>
        <translation>回答 %1 のマーク</translation>
    </message>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
    <message>
        <source>Carried %1 %</source>
        <translation>引き継ぎあり %1 %</translation>
    </message>
    <message>
        <source>Not carried %1 %</source>
        <translation>引き継ぎなし %1 %</translation>
    </message>
    <message>
        <source>Cited %1</source>
        <translation>参照 %1</translation>
    </message>
    <message>
        <source>Ask a question: its answer&apos;s marks appear here.</source>
        <translation>質問すると、回答のマークがここに表示されます。</translation>
    </message>
    <message>
        <source>Marks are hidden.</source>
        <translation>マークは表示していません。</translation>
    </message>
    <message>
        <source>Nothing was left out of this answer.</source>
        <translation>この回答に読み残しはありません</translation>
    </message>
    <message>
        <source>carried, not, cited</source>
        <translation>引き継ぎあり・なし・参照</translation>
    </message>
    <message>
        <source>cited</source>
        <translation>参照</translation>
    </message>
    <message>
        <source>Marks appear when the answer begins.</source>
        <translation>回答が始まるとマークが表示されます。</translation>
    </message>
    <message>
        <source>Pinned %1</source>
        <translation>ピン留め %1</translation>
    </message>
    <message>
        <source>carried, not, cited, pinned</source>
        <translation>引き継ぎあり・なし・参照・ピン留め</translation>
    </message>
    <message>
        <source>cited, pinned</source>
        <translation>参照・ピン留め</translation>
    </message>
</context>
<context>
    <name>kvasir::LibraryDelegate</name>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
</context>
<context>
    <name>kvasir::LibraryModel</name>
    <message>
        <source>%1, questions asked: %2</source>
        <translation>%1、質問%2件</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1 %2</translation>
    </message>
</context>
<context>
    <name>kvasir::LibraryPanel</name>
    <message>
        <source>Library</source>
        <translation>ライブラリ</translation>
    </message>
    <message>
        <source>Open a document</source>
        <translation>文書を開く</translation>
    </message>
    <message>
        <source>Your documents and the conversations about them appear here.

They are kept on this computer, in your own data folder, until you delete them.</source>
        <translation>開いた文書と会話がここに表示されます。

削除するまで、このパソコンのデータフォルダーに保存されます。</translation>
    </message>
    <message>
        <source>Pages</source>
        <translation>ページ</translation>
    </message>
    <message>
        <source>Outline</source>
        <translation>目次</translation>
    </message>
    <message>
        <source>Page %1</source>
        <translation>%1ページ</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>開く</translation>
    </message>
    <message>
        <source>Delete with its questions and answers…</source>
        <translation>質問と回答も含めて削除…</translation>
    </message>
</context>
<context>
    <name>kvasir::LogView</name>
    <message>
        <source>Document text</source>
        <translation>文書の本文</translation>
    </message>
</context>
<context>
    <name>kvasir::MainWindow</name>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
    <message>
        <source>%1 – Kvasir</source>
        <translation>%1 – Kvasir</translation>
    </message>
    <message>
        <source>Delete from Kvasir</source>
        <translation>Kvasirから削除</translation>
    </message>
    <message>
        <source>Delete “%1” with its questions and answers from Kvasir? The file itself stays.</source>
        <translation>「%1」とその質問・回答をKvasirから削除しますか。元のファイルは残ります。</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>削除</translation>
    </message>
    <message>
        <source>Open a document</source>
        <translation>文書を開く</translation>
    </message>
    <message>
        <source>Documents (*.pdf *.txt *.md *.log)</source>
        <translation>文書 (*.pdf *.txt *.md *.log)</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>すべてのファイル (*)</translation>
    </message>
    <message>
        <source>Use a model file</source>
        <translation>モデルファイルを使う</translation>
    </message>
    <message>
        <source>Model files (*.gguf)</source>
        <translation>モデルファイル (*.gguf)</translation>
    </message>
    <message>
        <source>Is it really offline?</source>
        <translation>本当にオフラインですか</translation>
    </message>
    <message>
        <source>Kvasir reads and answers on this computer. This program opens no network connection.</source>
        <translation>Kvasirはこのパソコンの中だけで読み取りと回答を行います。このプログラムはネットワークに接続しません。</translation>
    </message>
    <message>
        <source>To check it: switch the network off and ask. Everything works as before. Or watch the program&apos;s connections with the tools of your system, for example “ss -tup”.</source>
        <translation>確かめるには、ネットワークを切って質問してください。同じように動作します。「ss -tup」などのシステムのツールで接続を確認することもできます。</translation>
    </message>
    <message>
        <source>About Kvasir</source>
        <translation>Kvasirについて</translation>
    </message>
    <message>
        <source>Kvasir %1</source>
        <translation>Kvasir %1</translation>
    </message>
    <message>
        <source>Answers questions about long documents with a language model on your own computer. Licence: Apache 2.0.</source>
        <translation>長い文書についての質問に、お使いのパソコンの言語モデルで答えます。ライセンス: Apache 2.0</translation>
    </message>
</context>
<context>
    <name>kvasir::ModeBar</name>
    <message>
        <source>Documents</source>
        <translation>文書</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>設定</translation>
    </message>
</context>
<context>
    <name>kvasir::PageList</name>
    <message>
        <source>Pages</source>
        <translation>ページ</translation>
    </message>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
</context>
<context>
    <name>kvasir::PageView</name>
    <message>
        <source>not read yet</source>
        <translation>未読</translation>
    </message>
    <message>
        <source>Document page</source>
        <translation>文書のページ</translation>
    </message>
    <message>
        <source>carried, %1 of %2 parts; line %3 %</source>
        <translation>引き継ぎあり（%2個中%1個）、この行は%3 %</translation>
    </message>
    <message>
        <source>cited, but not carried forward</source>
        <translation>参照されましたが、引き継がれていません</translation>
    </message>
    <message>
        <source>not carried; line %1 %</source>
        <translation>引き継ぎなし、この行は%1 %</translation>
    </message>
    <message>
        <source>pinned: carried forward for every later answer</source>
        <translation>ピン留め: 以後のすべての回答に引き継がれます</translation>
    </message>
</context>
<context>
    <name>kvasir::PinBar</name>
    <message>
        <source>Add selection</source>
        <translation>選択範囲を追加</translation>
    </message>
    <message>
        <source>Pin selection (Ctrl+Shift+P)</source>
        <translation>選択範囲をピン留め (Ctrl+Shift+P)</translation>
    </message>
    <message>
        <source>The document is fully read: nothing is left out anyway.</source>
        <translation>精読済みのため、もともと読み残しはありません。</translation>
    </message>
    <message>
        <source>, p. %1</source>
        <comment>behind a pinned passage</comment>
        <translation>、p. %1</translation>
    </message>
    <message>
        <source>, line %1</source>
        <comment>behind a pinned passage</comment>
        <translation>、%1行</translation>
    </message>
    <message>
        <source>Pinned: %1</source>
        <translation>ピン留め: %1</translation>
    </message>
    <message>
        <source>Pinned:</source>
        <translation>ピン留め:</translation>
    </message>
    <message>
        <source>Always carried:</source>
        <translation>必ず引き継ぐ:</translation>
    </message>
    <message>
        <source>These passages are carried forward for every answer about this document.</source>
        <translation>ここにある箇所は、この文書についてのすべての回答に引き継がれます。</translation>
    </message>
    <message>
        <source>The pin was removed.</source>
        <translation>ピン留めを外しました。</translation>
    </message>
    <message>
        <source>Pin again</source>
        <translation>もう一度ピン留め</translation>
    </message>
    <message>
        <source>With this selection the pins would take %1 % of the room that there is for pins.</source>
        <translation>この選択範囲を加えると、ピン留めできる量の%1 %になります。</translation>
    </message>
    <message>
        <source>Select less, or remove a pin first. The pins that there are stay.</source>
        <translation>選択範囲を狭めるか、先にピン留めを外してください。今あるピン留めはそのままです。</translation>
    </message>
    <message>
        <source>There are no words in the selection.</source>
        <translation>選択範囲に文字がありません。</translation>
    </message>
    <message>
        <source>Select the words that are always to be carried.</source>
        <translation>必ず引き継ぐ語句を選択してください。</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
</context>
<context>
    <name>kvasir::PinList</name>
    <message>
        <source>Pinned passages</source>
        <translation>ピン留めした箇所</translation>
    </message>
    <message>
        <source>Show on the page</source>
        <translation>ページで表示</translation>
    </message>
    <message>
        <source>Remove pin</source>
        <translation>ピン留めを外す</translation>
    </message>
</context>
<context>
    <name>kvasir::ProblemPanel</name>
    <message>
        <source>Password</source>
        <translation>パスワード</translation>
    </message>
    <message>
        <source>Unlock</source>
        <translation>開く</translation>
    </message>
    <message>
        <source>Open another file…</source>
        <translation>別のファイルを開く…</translation>
    </message>
    <message>
        <source>That was not the password</source>
        <translation>パスワードが違います</translation>
    </message>
    <message>
        <source>This document is locked</source>
        <translation>この文書はロックされています</translation>
    </message>
    <message>
        <source>“%1” opens with a password. It is used for opening only and not kept.</source>
        <translation>「%1」を開くにはパスワードが必要です。パスワードは開くためだけに使い、保存しません。</translation>
    </message>
</context>
<context>
    <name>kvasir::QuestionBox</name>
    <message>
        <source>Follows on from answer %1</source>
        <translation>回答%1に続く質問</translation>
    </message>
    <message>
        <source>Follow on from answer %1</source>
        <translation>回答%1に続けて質問する</translation>
    </message>
    <message>
        <source>Ask without answer %1</source>
        <translation>回答%1に続けない</translation>
    </message>
    <message>
        <source>Ask</source>
        <comment>the button</comment>
        <translation>質問</translation>
    </message>
    <message>
        <source>Stop  Esc</source>
        <translation>停止  Esc</translation>
    </message>
    <message>
        <source>Enter to ask</source>
        <translation>Enter で質問</translation>
    </message>
    <message>
        <source>Ask about this document</source>
        <translation>この文書について質問する</translation>
    </message>
    <message>
        <source>Type a question first.</source>
        <translation>先に質問を入力してください。</translation>
    </message>
</context>
<context>
    <name>kvasir::QuestionEdit</name>
    <message>
        <source>Question</source>
        <translation>質問</translation>
    </message>
</context>
<context>
    <name>kvasir::SettingsPage</name>
    <message>
        <source>Full reading</source>
        <comment>setting</comment>
        <translation>精読</translation>
    </message>
    <message>
        <source>Always</source>
        <comment>full reading</comment>
        <translation>常に</translation>
    </message>
    <message>
        <source>On mains only</source>
        <translation>電源接続時のみ</translation>
    </message>
    <message>
        <source>Never</source>
        <comment>full reading</comment>
        <translation>行わない</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>設定</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>言語</translation>
    </message>
    <message>
        <source>As the system</source>
        <translation>システムに合わせる</translation>
    </message>
    <message>
        <source>Appearance</source>
        <translation>外観</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>ライト</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>ダーク</translation>
    </message>
    <message>
        <source>Keep pages white when the window is dark</source>
        <translation>ダークでもページは白のまま表示</translation>
    </message>
    <message>
        <source>Language model</source>
        <translation>言語モデル</translation>
    </message>
    <message>
        <source>Use a file…</source>
        <translation>ファイルを使う…</translation>
    </message>
    <message>
        <source>No model on this computer yet</source>
        <translation>モデルがまだありません</translation>
    </message>
    <message>
        <source>Kept readings</source>
        <translation>読み取り結果の保存</translation>
    </message>
    <message>
        <source>Automatic</source>
        <comment>kept readings</comment>
        <translation>自動</translation>
    </message>
    <message>
        <source>Up to %1 GB</source>
        <translation>最大 %1 GB</translation>
    </message>
    <message>
        <source>None</source>
        <comment>kept readings</comment>
        <translation>保存しない</translation>
    </message>
    <message>
        <source>Documents that were read once are ready at once the next time</source>
        <translation>一度読んだ文書は、次回すぐに質問できます</translation>
    </message>
    <message>
        <source>Delete</source>
        <comment>kept readings</comment>
        <translation>削除</translation>
    </message>
    <message>
        <source>%1 of %2 used</source>
        <translation>%2 のうち %1 を使用</translation>
    </message>
    <message>
        <source>%1 used</source>
        <translation>%1 を使用</translation>
    </message>
    <message>
        <source>%1 on the processor</source>
        <translation>%1（プロセッサで実行）</translation>
    </message>
</context>
<context>
    <name>kvasir::StartPage</name>
    <message>
        <source>Framework supply agreement</source>
        <translation>供給基本契約書（英語）</translation>
    </message>
    <message>
        <source>PDF, 21 pages</source>
        <translation>PDF、21ページ</translation>
    </message>
    <message>
        <source>Purchase agreement in Japanese</source>
        <translation>購買基本契約書</translation>
    </message>
    <message>
        <source>PDF, 20 pages</source>
        <translation>PDF、20ページ</translation>
    </message>
    <message>
        <source>Pump maintenance manual</source>
        <translation>ポンプ保守要領書（英語）</translation>
    </message>
    <message>
        <source>PDF, 60 pages</source>
        <translation>PDF、60ページ</translation>
    </message>
    <message>
        <source>Order gateway, one night</source>
        <translation>受注ゲートウェイの一晩（英語）</translation>
    </message>
    <message>
        <source>log file</source>
        <translation>ログファイル</translation>
    </message>
    <message>
        <source>Ask your documents</source>
        <translation>文書に質問する</translation>
    </message>
    <message>
        <source>Answers with page numbers, from a language model on your own computer.</source>
        <translation>お使いのパソコンの言語モデルが、ページ番号付きで答えます。</translation>
    </message>
    <message>
        <source>Or look at a sample</source>
        <translation>またはサンプルを見る</translation>
    </message>
    <message>
        <source>How it works</source>
        <translation>しくみ</translation>
    </message>
    <message>
        <source>Nothing leaves this computer.</source>
        <translation>データはこのパソコンの外に出ません。</translation>
    </message>
    <message>
        <source>Reading and answering work without a network connection.</source>
        <translation>読み取りと回答はネットワークなしで動作します。</translation>
    </message>
    <message>
        <source>How to check this</source>
        <translation>確かめる方法</translation>
    </message>
    <message>
        <source>Language model</source>
        <translation>言語モデル</translation>
    </message>
    <message>
        <source>Drop a PDF or a log file here</source>
        <translation>PDFまたはログファイルをここにドロップ</translation>
    </message>
    <message>
        <source>Open…</source>
        <translation>開く…</translation>
    </message>
    <message>
        <source>or press %1</source>
        <translation>または %1</translation>
    </message>
    <message>
        <source>PDF, text and log files of any length.</source>
        <translation>PDF、テキスト、ログファイル。長さは問いません。</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>開く</translation>
    </message>
    <message>
        <source>Open %1</source>
        <translation>%1を開く</translation>
    </message>
    <message>
        <source>Quick answer</source>
        <translation>クイック回答</translation>
    </message>
    <message>
        <source>A first reading takes seconds to minutes. Then answers start at once. They use the part of the document that the question draws on; you see which part.</source>
        <translation>下読みは数秒から数分で終わり、その後はすぐに回答が始まります。回答には質問に関わる部分だけを使い、どの部分かを表示します。</translation>
    </message>
    <message>
        <source>Look and check</source>
        <translation>見て確かめる</translation>
    </message>
    <message>
        <source>Each answer names its pages. Marks on the page show what was carried forward and what was not.</source>
        <translation>回答にはページ番号が付きます。ページ上のマークで、引き継がれた箇所とそうでない箇所が分かります。</translation>
    </message>
    <message>
        <source>Use a file…</source>
        <translation>ファイルを使う…</translation>
    </message>
    <message>
        <source>No model on this computer yet</source>
        <translation>モデルがまだありません</translation>
    </message>
    <message>
        <source>Documents can be opened and searched without one; answers need a model. Choose a model file (.gguf) that you have.</source>
        <translation>モデルがなくても文書を開いて検索できますが、回答にはモデルが必要です。お持ちのモデルファイル（.gguf）を選んでください。</translation>
    </message>
    <message>
        <source>Ready.</source>
        <translation>使えます。</translation>
    </message>
    <message>
        <source>Being loaded…</source>
        <translation>読み込み中…</translation>
    </message>
    <message>
        <source>Use another file…</source>
        <translation>別のファイルを使う…</translation>
    </message>
    <message>
        <source>Full reading</source>
        <translation>精読</translation>
    </message>
    <message>
        <source>Goes on in the background. When it is finished, nothing is left out. Every answer says which of both it is.</source>
        <translation>裏側で進み、終わると読み残しがなくなります。どちらの回答かは、回答ごとに表示します。</translation>
    </message>
</context>
<context>
    <name>kvasir::StatusPanel</name>
    <message>
        <source>This computer only</source>
        <translation>このパソコンのみ</translation>
    </message>
    <message>
        <source>Works on this computer only</source>
        <translation>このパソコンの中だけで動作</translation>
    </message>
    <message>
        <source>No document open</source>
        <translation>文書は開かれていません</translation>
    </message>
    <message>
        <source>Stop</source>
        <comment>reading</comment>
        <translation>停止</translation>
    </message>
    <message>
        <source>Continue</source>
        <translation>続ける</translation>
    </message>
    <message>
        <source>No model yet</source>
        <translation>モデルなし</translation>
    </message>
    <message>
        <source>%1 could not be loaded</source>
        <translation>%1を読み込めませんでした</translation>
    </message>
    <message>
        <source>Loading %1…</source>
        <translation>%1を読み込み中…</translation>
    </message>
    <message>
        <source>Memory %1</source>
        <translation>メモリ %1</translation>
    </message>
    <message>
        <source>%1 on the processor</source>
        <translation>%1（プロセッサで実行）</translation>
    </message>
</context>
<context>
    <name>kvasir::ViewerToolbar</name>
    <message>
        <source>Library</source>
        <translation>ライブラリ</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>戻る</translation>
    </message>
    <message>
        <source>Forward</source>
        <translation>進む</translation>
    </message>
    <message>
        <source>Find</source>
        <translation>検索</translation>
    </message>
    <message>
        <source>Page</source>
        <translation>ページ</translation>
    </message>
    <message>
        <source>Line</source>
        <translation>行</translation>
    </message>
    <message>
        <source>Zoom out</source>
        <translation>縮小</translation>
    </message>
    <message>
        <source>Zoom in</source>
        <translation>拡大</translation>
    </message>
    <message>
        <source>Fit width</source>
        <translation>幅に合わせる</translation>
    </message>
    <message>
        <source>Normal text size</source>
        <translation>標準の文字サイズ</translation>
    </message>
    <message>
        <source>Marks</source>
        <translation>マーク</translation>
    </message>
    <message>
        <source>Plain</source>
        <comment>no marks on the page</comment>
        <translation>なし</translation>
    </message>
    <message>
        <source>Citations</source>
        <translation>参照のみ</translation>
    </message>
    <message>
        <source>Carried</source>
        <comment>marks on the page</comment>
        <translation>引き継ぎ</translation>
    </message>
    <message>
        <source>Marks: %1</source>
        <translation>マーク: %1</translation>
    </message>
    <message>
        <source>/ %1</source>
        <translation>/ %1</translation>
    </message>
    <message>
        <source>of %1</source>
        <translation>/ %1</translation>
    </message>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
    <message>
        <source>Pin selection (Ctrl+Shift+P): it is carried forward for every later answer</source>
        <translation>選択範囲をピン留め (Ctrl+Shift+P)。以後のすべての回答に引き継がれます</translation>
    </message>
    <message>
        <source>Pin</source>
        <comment>the button: pin the selection</comment>
        <translation>ピン留め</translation>
    </message>
    <message>
        <source>Pin selection</source>
        <translation>選択範囲をピン留め</translation>
    </message>
</context>
<context>
    <name>kvasir::WindowActions</name>
    <message>
        <source>&amp;New conversation</source>
        <translation>新しい会話(&amp;N)</translation>
    </message>
    <message>
        <source>&amp;File</source>
        <translation>ファイル(&amp;F)</translation>
    </message>
    <message>
        <source>&amp;Open…</source>
        <translation>開く(&amp;O)…</translation>
    </message>
    <message>
        <source>&amp;Recent</source>
        <translation>最近使った文書(&amp;R)</translation>
    </message>
    <message>
        <source>&amp;Close</source>
        <translation>閉じる(&amp;C)</translation>
    </message>
    <message>
        <source>&amp;Quit</source>
        <translation>終了(&amp;Q)</translation>
    </message>
    <message>
        <source>No documents yet</source>
        <translation>文書はまだありません</translation>
    </message>
    <message>
        <source>&amp;Edit</source>
        <translation>編集(&amp;E)</translation>
    </message>
    <message>
        <source>&amp;Copy</source>
        <translation>コピー(&amp;C)</translation>
    </message>
    <message>
        <source>Copy with &amp;page</source>
        <translation>ページ付きでコピー(&amp;P)</translation>
    </message>
    <message>
        <source>&amp;Find…</source>
        <translation>検索(&amp;F)…</translation>
    </message>
    <message>
        <source>Find &amp;next</source>
        <translation>次を検索(&amp;N)</translation>
    </message>
    <message>
        <source>Find pre&amp;vious</source>
        <translation>前を検索(&amp;V)</translation>
    </message>
    <message>
        <source>&amp;Settings</source>
        <translation>設定(&amp;S)</translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation>表示(&amp;V)</translation>
    </message>
    <message>
        <source>Next kind of &amp;marks</source>
        <translation>マークの種類を切り替え(&amp;M)</translation>
    </message>
    <message>
        <source>Marks: &amp;plain</source>
        <translation>マーク: なし(&amp;P)</translation>
    </message>
    <message>
        <source>Marks: &amp;citations</source>
        <translation>マーク: 参照のみ(&amp;C)</translation>
    </message>
    <message>
        <source>Marks: c&amp;arried</source>
        <translation>マーク: 引き継ぎ(&amp;A)</translation>
    </message>
    <message>
        <source>Zoom &amp;in</source>
        <translation>拡大(&amp;I)</translation>
    </message>
    <message>
        <source>Zoom &amp;out</source>
        <translation>縮小(&amp;O)</translation>
    </message>
    <message>
        <source>&amp;Normal size</source>
        <translation>実際のサイズ(&amp;N)</translation>
    </message>
    <message>
        <source>Fit &amp;width</source>
        <translation>幅に合わせる(&amp;W)</translation>
    </message>
    <message>
        <source>&amp;Library</source>
        <translation>ライブラリ(&amp;L)</translation>
    </message>
    <message>
        <source>Answe&amp;rs</source>
        <translation>回答(&amp;R)</translation>
    </message>
    <message>
        <source>&amp;Full screen</source>
        <translation>全画面(&amp;F)</translation>
    </message>
    <message>
        <source>&amp;Go</source>
        <translation>移動(&amp;G)</translation>
    </message>
    <message>
        <source>&amp;Page or line</source>
        <translation>ページまたは行(&amp;P)</translation>
    </message>
    <message>
        <source>&amp;Back</source>
        <translation>戻る(&amp;B)</translation>
    </message>
    <message>
        <source>&amp;Forward</source>
        <translation>進む(&amp;F)</translation>
    </message>
    <message>
        <source>Next &amp;citation</source>
        <translation>次の参照(&amp;C)</translation>
    </message>
    <message>
        <source>P&amp;revious citation</source>
        <translation>前の参照(&amp;R)</translation>
    </message>
    <message>
        <source>Next &amp;tab</source>
        <translation>次のタブ(&amp;T)</translation>
    </message>
    <message>
        <source>&amp;Question</source>
        <translation>質問(&amp;Q)</translation>
    </message>
    <message>
        <source>&amp;Question box</source>
        <translation>質問欄(&amp;Q)</translation>
    </message>
    <message>
        <source>&amp;Stop</source>
        <translation>停止(&amp;S)</translation>
    </message>
    <message>
        <source>&amp;Help</source>
        <translation>ヘルプ(&amp;H)</translation>
    </message>
    <message>
        <source>Is it really &amp;offline?</source>
        <translation>本当にオフラインですか(&amp;O)</translation>
    </message>
    <message>
        <source>&amp;About Kvasir</source>
        <translation>Kvasirについて(&amp;A)</translation>
    </message>
    <message>
        <source>&amp;Pin selection</source>
        <translation>選択範囲をピン留め(&amp;P)</translation>
    </message>
    <message>
        <source>Pin and ask &amp;again</source>
        <translation>ピン留めして再質問(&amp;A)</translation>
    </message>
    <message>
        <source>&amp;Remove pin</source>
        <translation>ピン留めを外す(&amp;R)</translation>
    </message>
</context>
</TS>
