// The documents and answers that widget tests and screenshots show.
#pragma once

#include "tests/ui/scripted_workspace.h"

namespace kvasir {

/// 112 pages; page 37 (0-based 36) holds the cited places 1 and 2, page 63 the place 3.
DocumentId addAgreement(ScriptedWorkspace& workspace);
/// Two answers about the agreement, the second one still being written.
void addAgreementAnswers(ScriptedWorkspace& workspace, DocumentId agreement);
DocumentId addJapaneseContract(ScriptedWorkspace& workspace);
void addJapaneseAnswers(ScriptedWorkspace& workspace, DocumentId contract);
DocumentId addGatewayLog(ScriptedWorkspace& workspace, int lines);
void addLogAnswer(ScriptedWorkspace& workspace, DocumentId log);

}  // namespace kvasir
