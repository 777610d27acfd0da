"""The texts of signing in, accounts and the audit log, by key, in Chinese and English; part of `texts.TEXTS`."""

from __future__ import annotations

from pipelines.errors import Words

ACCESS: dict[str, Words] = {
    "account": Words("账户", "Account"),
    "access_open": Words("未启用登录，仅限本机查看", "No sign-in: on this machine only"),
    "sign_in": Words("登录", "Sign in"),
    "sign_in_provider": Words("用统一身份认证登录", "Sign in at the identity provider"),
    "sign_out": Words("退出", "Sign out"),
    "sign_in_first": Words(
        "还没有管理员：请打开服务启动时在终端显示的一次性链接创建；链接过期后重新启动服务。",
        "There is no administrator yet: open the one-time link that the server showed in its terminal when it started; once it is too old, start the server again.",
    ),
    "user_name": Words("用户名", "Name"),
    "user_name_help": Words("2–40 个小写字母、数字或 . _ -", "2–40 lower-case letters, digits or . _ -"),
    "full_name": Words("姓名", "Full name"),
    "password": Words("密码", "Password"),
    "password_now": Words("现在的密码", "Present password"),
    "password_new": Words("新密码", "New password"),
    "password_again": Words("再次输入", "Once more"),
    "password_help": Words("至少 {least} 个字符", "{least} characters at least"),
    "password_change": Words("更改密码", "Change the password"),
    "password_changed": Words("密码已更改，其他地方的登录已全部退出。", "The password is changed; all other sessions have ended."),
    "welcome_first": Words("创建系统管理员", "Create the administrator"),
    "welcome_own": Words("为 {name} 设置密码", "Set the password of {name}"),
    "welcome_submit": Words("保存并登录", "Save and sign in"),
    "role": Words("角色", "Role"),
    "area": Words("所属区域", "Area"),
    "agency": Words("所代表的部门", "Agency"),
    "area_all": Words("全部单位", "all units"),
    "to_pages": Words("进入指标页面", "Go to the pages"),
    "audit": Words("审计日志", "Audit log"),
    "audit_whole": Words("{count} 条，全部与摘要一致", "{count} entries, all as they were written"),
    "audit_damaged": Words(
        "日志被改动：{damaged} 条条目与摘要不符{lost}", "The log was changed: {damaged} entries do not have their hash{lost}",
    ),
    "audit_lost": Words("，末尾缺失", ", and its end is missing"),
    "audit_latest": Words("最近 {count} 条；全部见 warehouse audit show", "the last {count}; all by: warehouse audit show"),
    "audit_number": Words("编号", "No."),
    "audit_at": Words("时间", "Time"),
    "audit_actor": Words("操作人", "Who"),
    "audit_address": Words("来源地址", "From"),
    "audit_action": Words("操作", "Action"),
    "audit_subject": Words("对象", "About"),
    "audit_command": Words("{name}（命令行）", "{name} (command line)"),
    "audit_nobody": Words("未登录", "not signed in"),
}  # fmt: skip
