"""Hand-written concept table: play, music, writing, buildings, symbols, shapes. `concepts` explains the lines."""

TABLE = """
sports equipment ; 体育用品, 运动器材 ; ; ?toy
  ball ; 球 ; ; ?circle
    soccer ball, football ; 足球 ; 26bd ; ~volleyball
    baseball ; 棒球 ; 26be
    softball ; 垒球 ; 1f94e ; ~baseball
    basketball ; 篮球 ; 1f3c0
    volleyball ; 排球 ; 1f3d0
    american football ; 美式橄榄球 ; 1f3c8 ; ~rugby ball ~soccer ball
    rugby ball ; 橄榄球 ; 1f3c9
    tennis ball ; 网球 ; ; ~softball
    pool ball, billiard ball, eight ball ; 台球 ; 1f3b1
    sports ball ; 运动球 ; ; ~soccer ball ~baseball ~softball ~basketball ~volleyball ~tennis ball
  tennis racket, racket ; 网球拍, 球拍 ; 1f3be ; ?tennis ball ?ball
  baseball bat ; 棒球棒
  baseball glove ; 棒球手套 ; ; ?gloves
  flying disc, frisbee ; 飞盘 ; 1f94f ; ?circle
  bowling, bowling pins ; 保龄球 ; 1f3b3 ; ?ball
  cricket bat ; 板球棒 ; 1f3cf ; ?ball ~baseball bat
  hockey stick, field hockey stick ; 曲棍球棍 ; 1f3d1 1f3d2 ; ?ball
  lacrosse stick ; 长曲棍球棍 ; 1f94d ; ?ball ?tennis racket
  ping pong paddle, table tennis paddle ; 乒乓球拍 ; 1f3d3 ; ?ball ?tennis racket
  badminton racket ; 羽毛球拍 ; 1f3f8 ; ~tennis racket ?shuttlecock
  shuttlecock ; 羽毛球
  boxing glove ; 拳击手套 ; 1f94a ; ?gloves ?clothing
  goal, goal net ; 球门 ; 1f945
  ice skate ; 冰鞋, 溜冰鞋 ; 26f8 ; ?shoe ?boot
  roller skate ; 旱冰鞋, 轮滑鞋 ; 1f6fc ; ?shoe ?vehicle ~ice skate
  fishing rod, fishing pole ; 钓鱼竿, 鱼竿 ; 1f3a3 ; ?fish
  diving mask, snorkel ; 潜水面罩, 潜水镜 ; 1f93f ; ?goggles ?glasses
  skis, ski ; 滑雪板, 双板滑雪板 ; 1f3bf ; ~snowboard ?boot
  snowboard ; 单板滑雪板
  surfboard ; 冲浪板
  curling stone ; 冰壶 ; 1f94c
dartboard, target, bullseye ; 靶子, 飞镖靶 ; 1f3af ; ?circle ?sports equipment ?toy
medal ; 奖牌, 奖章 ; 1f3c5 1f396
  gold medal ; 金牌 ; 1f947
  silver medal ; 银牌 ; 1f948
  bronze medal ; 铜牌 ; 1f949
trophy, winner's cup ; 奖杯 ; 1f3c6 ; ?cup

toy ; 玩具 ; ; !tint
  teddy bear, stuffed bear ; 泰迪熊, 玩具熊 ; 1f9f8 ; ~bear ?animal ?face
  kite ; 风筝 ; 1fa81 ; ?sports equipment
  yo-yo ; 悠悠球 ; 1fa80 ; ?circle
  balloon ; 气球 ; 1f388
  dice, die ; 骰子 ; 1f3b2 ; ?cube ?square
  puzzle piece, jigsaw piece ; 拼图块, 拼图 ; 1f9e9
  pinata ; 皮纳塔, 彩罐 ; 1fa85 ; ?animal ?horse
  nesting dolls, matryoshka ; 俄罗斯套娃, 套娃 ; 1fa86 ; ?person ?woman ?face
crystal ball ; 水晶球 ; 1f52e ; ?ball
disco ball, mirror ball ; 迪斯科球, 镜面球 ; 1faa9 ; ?ball
magic wand, wand ; 魔杖, 魔法棒 ; 1fa84 ; ?star
slot machine ; 老虎机 ; 1f3b0
firecracker, dynamite ; 鞭炮, 爆竹 ; 1f9e8
party popper, confetti popper ; 礼花筒, 彩带炮 ; 1f389
gift, present, gift box ; 礼物, 礼盒 ; 1f381 ; ?box ?ribbon
red envelope ; 红包 ; 1f9e7 ; ?envelope
ornament, christmas bauble ; 圣诞球
wind chime ; 风铃 ; 1f390 ; ?bell
carp streamer ; 鲤鱼旗 ; 1f38f ; ?fish ?flag
mask, theater masks ; 戏剧面具, 面具 ; 1f3ad ; ?face
picture frame, framed picture, painting ; 画框, 带框的画 ; 1f5bc ; ?mountain ?tree
palette, artist palette ; 调色板, 调色盘 ; 1f3a8 ; ?paintbrush
ticket, tickets ; 票, 门票 ; 1f3ab 1f39f
playing card, joker ; 扑克牌, 纸牌 ; 1f0cf

musical instrument ; 乐器
  saxophone, sax ; 萨克斯, 萨克斯管 ; 1f3b7 ; ~trumpet
  trumpet ; 小号, 喇叭 ; 1f3ba
  accordion ; 手风琴 ; 1fa97
  guitar ; 吉他 ; 1f3b8 ; ~banjo
  piano, musical keyboard ; 钢琴, 琴键 ; 1f3b9 ; ?keyboard
  violin, fiddle ; 小提琴 ; 1f3bb ; ~guitar
  banjo ; 班卓琴 ; 1fa95 ; ~violin
  drum ; 鼓 ; 1f941
    long drum, conga ; 长鼓, 手鼓 ; 1fa98
  maracas ; 沙锤, 沙球 ; 1fa87
  flute ; 长笛, 笛子 ; 1fa88
  post horn, horn ; 号角, 邮号 ; 1f4ef ; ~trumpet
bell ; 铃铛, 铃 ; 1f514 ; ?musical instrument
service bell, bellhop bell ; 服务铃 ; 1f6ce ; ~bell
megaphone, bullhorn ; 扩音器, 大喇叭 ; 1f4e2 1f4e3 ; ~speaker ?electronic device ?trumpet
musical note, music notes ; 音符 ; 1f3b5 1f3b6

stationery, office supplies ; 文具, 办公用品 ; ; ?tool !tint
  pencil ; 铅笔 ; 270f ; ~pen ~crayon
  pen, ballpoint pen ; 笔, 圆珠笔 ; 1f58a
    fountain pen ; 钢笔 ; 1f58b 2712
  crayon ; 蜡笔 ; 1f58d ; ~pen
  paintbrush, brush ; 画笔, 刷子 ; 1f58c ; ~pen
  paperclip, paper clip ; 回形针, 曲别针 ; 1f4ce 1f587
  pushpin, thumbtack ; 图钉 ; 1f4cc 1f4cd
  ruler, straight ruler ; 尺子, 直尺 ; 1f4cf
    set square, triangular ruler ; 三角尺, 三角板 ; 1f4d0 ; ?triangle
  clipboard ; 剪贴板, 写字夹板 ; 1f4cb ; ~document
  folder, file folder ; 文件夹 ; 1f4c1 1f4c2
  bookmark ; 书签 ; 1f516 ; ~tag
book ; 书, 书本 ; 1f4d5 1f4d7 1f4d8 1f4d9 ; ~notebook !tint
  open book ; 打开的书 ; 1f4d6
  stack of books, pile of books ; 一摞书 ; 1f4da
notebook, ledger, notepad ; 笔记本 ; 1f4d3 1f4d4 1f4d2 1f5d2 ; ?stationery ?document ?calendar
document, page, sheet of paper ; 文件, 文档 ; 1f4c4 1f4c3 ; ?stationery ?paper
  memo, note with pencil ; 备忘录 ; 1f4dd ; ?pencil ?pen
scroll, parchment ; 卷轴, 羊皮纸 ; 1f4dc ; ~document
newspaper ; 报纸 ; 1f4f0 1f5de ; ~document
calendar ; 日历 ; 1f4c5 1f4c6 1f5d3 ; ?document ?stationery
chart, graph ; 图表 ; 1f4ca 1f4c8 1f4c9
tag, label, price tag ; 标签, 吊牌 ; 1f3f7
money ; 钱 ; ; ?paper
  coin ; 硬币 ; 1fa99 ; ?circle
  banknote, bill, paper money ; 钞票, 纸币 ; 1f4b4 1f4b5 1f4b6 1f4b7
credit card, bank card ; 信用卡, 银行卡 ; 1f4b3 ; ?money ?id card
id card, identification card ; 身份证 ; 1faaa ; ?face
receipt ; 收据, 小票 ; 1f9fe ; ?document
envelope, letter ; 信封, 信件 ; 2709 1f4e7 1f4e9 1f4e8 1f48c ; ?heart ?arrow
mailbox, letterbox ; 邮箱, 信箱 ; 1f4eb 1f4ea 1f4ec 1f4ed ; ~postbox ?envelope
postbox, mail drop, pillar box ; 邮筒 ; 1f4ee
ballot box ; 投票箱 ; 1f5f3 ; ?box ?envelope
trash can, wastebasket, garbage can ; 垃圾桶, 废纸篓 ; 1f5d1 ; ?bucket ?basket ?container
card file box ; 卡片盒 ; 1f5c3 ; ?box ?file cabinet ?container
clapperboard, clapper board ; 场记板 ; 1f3ac
film, film strip, film frames ; 胶片, 电影胶片 ; 1f39e
magnifying glass, magnifier ; 放大镜 ; 1f50d 1f50e ; ?tool
shopping cart, shopping trolley ; 购物车 ; 1f6d2 ; ?vehicle ?basket
placard, protest sign ; 标语牌 ; 1faa7
moai, stone statue ; 摩艾石像, 复活节岛石像 ; 1f5ff ; ?face ?rock ?person ~statue
statue, statue of liberty ; 雕像, 自由女神像 ; 1f5fd ; ?person ?woman
evil eye amulet, nazar ; 恶魔之眼护身符 ; 1f9ff ; ?eye ?circle

building ; 建筑, 建筑物
  house, home ; 房子, 房屋, 家 ; 1f3e0
    house with garden ; 带花园的房子 ; 1f3e1 ; ?tree ?plant
    abandoned house, derelict house ; 废弃的房子 ; 1f3da ; ~hut
  hut, cabin ; 小屋, 茅屋 ; 1f6d6 ; ?house
  office building ; 办公楼 ; 1f3e2
  hospital ; 医院 ; 1f3e5 ; ?cross
  bank ; 银行 ; 1f3e6 ; ~temple
  hotel ; 酒店, 旅馆 ; 1f3e8 ; ~office building
  convenience store ; 便利店 ; 1f3ea
  school ; 学校 ; 1f3eb ; ?clock ?flag
  department store, mall ; 百货商店, 商场 ; 1f3ec ; ~office building ~hotel
  factory ; 工厂 ; 1f3ed
  castle ; 城堡 ; 1f3f0 ; ?flag
  japanese castle ; 日本城堡 ; 1f3ef ; ~castle ~temple
  church ; 教堂 ; 26ea ; ?cross
  mosque ; 清真寺 ; 1f54c
  temple, classical building ; 神殿, 古典建筑 ; 1f3db
  stadium ; 体育场, 体育馆 ; 1f3df ; ?flag
  tower, tokyo tower ; 塔, 铁塔 ; 1f5fc
  torii, shinto shrine ; 鸟居, 神社 ; 26e9
tent ; 帐篷 ; 26fa ; ?building ?moon ?crescent moon ?flag
  circus tent ; 马戏团帐篷 ; 1f3aa ; ?flag
fountain ; 喷泉 ; 26f2
ferris wheel ; 摩天轮 ; 1f3a1 ; ?wheel
roller coaster ; 过山车 ; 1f3a2
carousel horse, merry-go-round horse ; 旋转木马 ; 1f3a0 ; ?horse ?animal ?toy
barber pole ; 理发店灯柱 ; 1f488
flag ; 旗帜, 旗子 ; 1f6a9 1f3f4 1f3f3
  checkered flag ; 方格旗, 黑白格旗 ; 1f3c1
  rainbow flag ; 彩虹旗 ; 1f3f3-200d-1f308
  pirate flag, jolly roger ; 海盗旗 ; 1f3f4-200d-2620 ; ?skull

symbol, sign ; 符号, 标志 ; ; !abstract ?square
  check mark, tick ; 对勾, 勾号 ; 2714 ; !tint
  question mark ; 问号 ; 2753 2754 ; !tint
  exclamation mark, exclamation point ; 感叹号 ; 2757 2755 ; !tint
  dollar sign ; 美元符号 ; 1f4b2 ; !tint
  recycling symbol, recycle symbol ; 回收标志 ; 267b ; ?arrow !tint
  no entry sign ; 禁止通行标志 ; 26d4 ; ?circle ?stop sign
  prohibition sign, prohibited sign ; 禁止标志 ; 1f6ab ; ?circle ?ring shape ~no entry sign
  warning sign ; 警告标志 ; 26a0 ; ?triangle ?exclamation mark
  radioactive sign ; 辐射标志 ; 2622 ; ?circle ?triangle
  biohazard sign ; 生物危害标志 ; 2623 ; ?circle
  yin yang ; 阴阳, 太极 ; 262f ; ?circle ?square
  peace symbol ; 和平符号 ; 262e ; ?circle ?square
  atom symbol, atom ; 原子符号 ; 269b ; ?square
  wheel of dharma ; 法轮 ; 2638 ; ?wheel ?circle ?square
  star of david ; 六芒星 ; 2721 ; ?star ?square
  infinity symbol, infinity sign ; 无穷符号 ; 267e
  medical symbol ; 医疗标志 ; 2695 ; ?snake ?cross
  fleur-de-lis ; 鸢尾花饰, 百合花饰 ; 269c ; ?flower
  speech bubble, speech balloon ; 对话气泡, 对话框 ; 1f4ac 1f5e8
  thought bubble, thought balloon ; 思想气泡 ; 1f4ad ; ~speech bubble ?cloud
  explosion, collision ; 爆炸 ; 1f4a5 ; ?star ?fire
  kiss mark, lip print ; 唇印 ; 1f48b ; ~mouth
  latin cross, crucifix ; 十字架 ; 271d ; ?cross
paper ; 纸

shape ; 形状, 图形 ; ; !tint
  circle, disk ; 圆形, 圆 ; 1f534 1f7e0 1f7e1 1f7e2 1f535 1f7e3 1f7e4 26ab 26aa shape:circle ; ?ball ?moon ?coin
  oval, ellipse ; 椭圆形, 椭圆 ; shape:oval ; ~circle ~pebble ~egg
  square ; 正方形, 方块 ; 1f7e5 1f7e7 1f7e8 1f7e9 1f7e6 1f7ea 1f7eb 2b1b 2b1c shape:square ; ~rectangle
  rectangle ; 长方形, 矩形 ; shape:rectangle
  triangle ; 三角形 ; 1f53a 1f53b shape:triangle
  diamond, rhombus ; 菱形 ; 1f536 1f537 shape:diamond ; ~square
  star, five-pointed star ; 星星, 五角星 ; 2b50 1f31f shape:star
  heart ; 心形, 爱心 ; 2764 1f9e1 1f49b 1f49a 1f499 1f49c 1f90e 1f5a4 1f90d 1fa77 1fa75 1fa76 2665 shape:heart
    broken heart ; 破碎的心, 心碎 ; 1f494
    heart with arrow ; 中箭的心 ; 1f498 ; ?arrow
  ring shape, hollow circle ; 圆环, 空心圆 ; 2b55 shape:ring ; ?circle
  cross, plus sign ; 十字形, 加号 ; 2795 shape:cross
  x mark, x shape ; 叉号, 叉形 ; 2716 274c shape:x ; ~cross
  arrow ; 箭头 ; shape:arrow
  pentagon ; 五边形 ; shape:pentagon ; ~hexagon
  hexagon ; 六边形 ; shape:hexagon
  crescent ; 新月形, 月牙形 ; shape:crescent
  semicircle, half circle ; 半圆形, 半圆 ; shape:semicircle
  teardrop shape ; 水滴形 ; shape:teardrop ; ~drop
  gear shape ; 齿轮形 ; shape:gear ; ~gear
  flower shape ; 花形 ; shape:flower ; ~flower
  lightning shape, zigzag ; 闪电形 ; shape:zigzag ; ~lightning
  spade ; 黑桃 ; 2660
  club, club suit ; 梅花 ; 2663 ; ?clover
pebble, blob ; 鹅卵石, 斑块 ; shape:blob ; !tint ?shape
cube ; 立方体
"""
