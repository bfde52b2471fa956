;;; -*- lexical-binding: t -*-
;; Opens a program in Emacs with eglot, waits for a finding, applies its repair, and waits until it is gone.
;; usage: T_FILE=program.py T_PYTHON=python T_RULE=rule T_TEXT=underlined emacs -Q --batch -l emacs.el
(let ((elpa "/usr/share/emacs/site-lisp/elpa")) ; -Q hides Debian's packages
  (when (file-directory-p elpa)
    (dolist (dir (directory-files elpa t "^[a-z]")) (add-to-list 'load-path dir))))
(require 'eglot) (require 'flymake) (require 'python)

(setq eglot-sync-connect 60 eglot-connect-timeout 60 eglot-send-changes-idle-time 0.1
      eglot-autoshutdown t eglot-confirm-server-initiated-edits nil eglot-confirm-server-edits nil
      make-backup-files nil create-lockfiles nil python-indent-guess-indent-offset nil)
(setf (alist-get 'python-mode eglot-server-programs) (list (getenv "T_PYTHON") "-m" "trainlint" "server"))

(defun die (text) (message "FAIL %s" text) (kill-emacs 1))
(defun wait-for (predicate what)
  (let ((end (+ (float-time) 60)))
    (while (and (not (funcall predicate)) (< (float-time) end)) (accept-process-output nil 0.05))
    (or (funcall predicate) (die what))))
(defun finding ()
  (flymake-start) ; no timers run in batch
  (seq-find (lambda (each) (string-match-p (regexp-quote (getenv "T_RULE")) (flymake-diagnostic-text each)))
            eglot--diagnostics))

(find-file (getenv "T_FILE"))
(python-mode)
(apply #'eglot--connect (eglot--guess-contact))
(unless (eglot-managed-p) (eglot--maybe-activate-editing-mode))
(unless (eglot-managed-p) (die "eglot does not manage the buffer"))
(let* ((found (wait-for #'finding "no finding"))
       (beg (flymake-diagnostic-beg found))
       (end (flymake-diagnostic-end found))
       (text (buffer-substring-no-properties beg end)))
  (unless (equal (getenv "T_TEXT") text) (die (format "the wrong text is underlined: %s" text)))
  (wait-for (lambda () (flymake-start) (flymake-diagnostics beg end)) "no flymake overlay")
  (let* ((actions (append (eglot-code-actions beg end) nil))
         (action (or (seq-find (lambda (each) (eq t (plist-get each :isPreferred))) actions) (die "no preferred action")))
         (edit (or (plist-get action :edit)
                   (plist-get (jsonrpc-request (eglot--current-server-or-lose) :codeAction/resolve action) :edit))))
    (if (>= emacs-major-version 30)
        (eglot--apply-workspace-edit edit 'test)
      (eglot--apply-workspace-edit edit))))
(eglot--signal-textDocument/didChange)
(wait-for (lambda () (not (finding))) "the finding did not go away")
(save-buffer)
(message "OK emacs")
(kill-emacs 0)
