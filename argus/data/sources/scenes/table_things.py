"""Hand-written concept table: vehicles, clothes, tools, devices and the like. `concepts` explains the lines."""

TABLE = """
vehicle ; 交通工具, 车辆 ; ; !tint
  car, automobile ; 汽车, 轿车, 小汽车 ; 1f697 1f698
    suv, sport utility vehicle, jeep ; 越野车 ; 1f699
    taxi, cab ; 出租车 ; 1f695 1f696
    police car ; 警车 ; 1f693 1f694
    racing car, race car, formula one car ; 赛车 ; 1f3ce
  bus ; 公交车, 公共汽车, 巴士 ; 1f68c 1f68d 1f68e ; ~tram
    minibus, van ; 小巴, 面包车 ; 1f690 ; ?car
  truck, lorry ; 卡车, 货车 ; 1f69a 1f69b
    pickup truck, pickup ; 皮卡, 皮卡车 ; 1f6fb ; ?car
    fire truck, fire engine ; 消防车 ; 1f692
  ambulance ; 救护车 ; 1f691 ; ?truck ?car ?minibus
  tractor ; 拖拉机 ; 1f69c ; ?truck
  motorcycle, motorbike ; 摩托车 ; 1f3cd ; ~scooter
  scooter, motor scooter, moped ; 小型摩托车, 踏板车 ; 1f6f5 ; ~kick scooter
  kick scooter ; 滑板车 ; 1f6f4
  auto rickshaw, tuk-tuk ; 三轮摩托车, 嘟嘟车 ; 1f6fa ; ?car ?motorcycle
  bicycle, bike ; 自行车, 单车 ; 1f6b2
  train ; 火车, 列车 ; 1f686 1f684 1f685 1f687 ; ~tram
    locomotive, steam train ; 蒸汽火车, 火车头 ; 1f682
    railway car, train car ; 火车车厢 ; 1f683
  tram, streetcar ; 电车, 有轨电车 ; 1f68a 1f68b 1f688
  cable car, aerial tramway ; 缆车 ; 1f6a0 1f6a1 ; ?tram
  boat ; 船, 小船 ; ;
    sailboat, sailing boat ; 帆船 ; 26f5
    canoe, rowboat ; 独木舟, 划艇 ; 1f6f6
    speedboat, motorboat ; 快艇, 摩托艇 ; 1f6a4 1f6e5
    ship, passenger ship, ocean liner ; 轮船, 客轮 ; 1f6a2 1f6f3
      ferry ; 渡轮 ; 26f4
  aircraft ; 飞行器, 航空器
    airplane, plane, aeroplane ; 飞机 ; 2708 1f6e9 1f6eb 1f6ec
    helicopter ; 直升机 ; 1f681
    rocket, spaceship ; 火箭 ; 1f680
    flying saucer, ufo ; 飞碟, 不明飞行物 ; 1f6f8
  satellite ; 卫星, 人造卫星 ; 1f6f0 ; ?aircraft
  sled, sledge ; 雪橇 ; 1f6f7
  skateboard ; 滑板 ; 1f6f9 ; +sports equipment
  wheelchair ; 轮椅 ; 1f9bd 1f9bc ; ?chair
wheel, tire ; 车轮, 轮胎 ; 1f6de ; ?ring shape ?circle
parachute ; 降落伞 ; 1fa82 ; ~umbrella ?balloon ?aircraft ?vehicle
anchor ; 锚 ; 2693
life buoy, ring buoy, lifebuoy ; 救生圈 ; 1f6df ; ?ring shape
traffic light, stoplight ; 红绿灯, 交通灯 ; 1f6a5 1f6a6
stop sign ; 停止标志 ; 1f6d1 ; ?hexagon
siren, police light ; 警灯, 警报灯 ; 1f6a8
barrier, roadblock, construction barrier ; 路障 ; 1f6a7
gas pump, fuel pump ; 加油机, 油泵 ; 26fd
oil drum, barrel ; 油桶 ; 1f6e2 ; ?container

clothing, clothes ; 衣服, 服装 ; ; !tint
  shirt, t-shirt, tee ; t恤, 短袖衫 ; 1f455
  blouse, women's shirt ; 女装上衣, 女式衬衫 ; 1f45a ; ~shirt
  tank top, running shirt ; 背心, 运动背心 ; 1f3bd ; ~shirt
  jeans, trousers, pants ; 牛仔裤, 裤子 ; 1f456
  shorts ; 短裤 ; 1fa73 ; ~briefs
  briefs, underwear ; 三角裤, 内裤 ; 1fa72
  coat, jacket ; 外套, 大衣 ; 1f9e5 ; ~lab coat
  lab coat ; 白大褂, 实验服 ; 1f97c
  safety vest ; 反光背心, 安全背心 ; 1f9ba ; ~tank top
  dress ; 连衣裙, 裙子 ; 1f457
  kimono ; 和服 ; 1f458 ; ?dress ?coat
  sari ; 纱丽 ; 1f97b ; ?dress
  swimsuit, bathing suit ; 泳衣, 泳装 ; 1fa71
    bikini ; 比基尼 ; 1f459
  scarf ; 围巾 ; 1f9e3
  gloves, glove ; 手套 ; 1f9e4 ; ?hand
  socks, sock ; 袜子 ; 1f9e6
  necktie, tie ; 领带 ; 1f454 ; ?shirt
  martial arts uniform, karate uniform, judo uniform ; 练武服, 空手道服 ; 1f94b ; ?coat
  hat ; 帽子
    sun hat, women's hat ; 女帽, 遮阳帽 ; 1f452
    top hat ; 礼帽, 高顶礼帽 ; 1f3a9
    cap, baseball cap, billed cap ; 鸭舌帽, 棒球帽 ; 1f9e2
    graduation cap ; 学士帽, 毕业帽 ; 1f393
    helmet, military helmet ; 头盔, 军用头盔 ; 1fa96
      rescue helmet, hard hat ; 救援头盔, 安全帽 ; 26d1
  crown ; 王冠, 皇冠 ; 1f451 ; ?hat
  shoe, shoes ; 鞋, 鞋子 ; 1f45e
    sneaker, running shoe ; 运动鞋, 跑鞋 ; 1f45f
    hiking boot ; 登山鞋 ; 1f97e ; ?boot
    flat shoe ; 平底鞋 ; 1f97f
    high heel, high-heeled shoe ; 高跟鞋 ; 1f460
    sandal ; 凉鞋 ; 1f461 1fa74
    boot ; 靴子 ; 1f462
    ballet shoes ; 芭蕾舞鞋 ; 1fa70
bag ; 包, 袋子 ; ; ?container ?clothing !tint
  handbag, purse ; 手提包, 手袋 ; 1f45c 1f45d 1f45b
  backpack, rucksack, school bag ; 背包, 书包 ; 1f392
  shopping bag, shopping bags ; 购物袋 ; 1f6cd
  briefcase ; 公文包 ; 1f4bc ; ~suitcase
  suitcase, luggage ; 行李箱, 手提箱 ; 1f9f3
money bag, bag of money ; 钱袋 ; 1f4b0 ; ?bag ?money
eyewear ; 眼镜类 ; ; ?clothing !abstract !tint
  glasses, eyeglasses ; 眼镜 ; 1f453
  sunglasses ; 太阳镜, 墨镜 ; 1f576 ; ~glasses
  goggles ; 护目镜 ; 1f97d ; ~glasses
umbrella, parasol ; 雨伞, 伞 ; 2602 2614 1f302 26f1 ; !tint
jewelry ; 首饰, 珠宝
  ring, diamond ring ; 戒指, 钻戒 ; 1f48d ; ~ring shape ?gem
  gem, gemstone, jewel ; 宝石 ; 1f48e ; ~diamond
  beads, prayer beads, bead necklace ; 念珠, 珠链 ; 1f4ff
lipstick ; 口红, 唇膏 ; 1f484
ribbon, bow, hair bow ; 蝴蝶结 ; 1f380 ; ?necktie ?clothing !tint
folding fan, hand fan ; 扇子, 折扇 ; 1faad
comb, hair pick ; 梳子 ; 1faae

tool ; 工具 ; ; !tint
  hammer ; 锤子 ; 1f528
  axe, hatchet ; 斧头, 斧子 ; 1fa93 ; ~hammer ?weapon
  pickaxe, pick ; 镐, 铁镐 ; 26cf ; ~axe ~hammer
  saw, handsaw ; 锯子, 锯 ; 1fa9a
  wrench, spanner ; 扳手 ; 1f527
  screwdriver ; 螺丝刀 ; 1fa9b
  nut and bolt, bolt, screw ; 螺丝, 螺栓 ; 1f529
  clamp, vise ; 夹钳, 台钳 ; 1f5dc
  toolbox ; 工具箱 ; 1f9f0 ; ?box ?briefcase ?container
  ladder ; 梯子 ; 1fa9c
  magnet, horseshoe magnet ; 磁铁, 马蹄磁铁 ; 1f9f2
  hook ; 钩子, 挂钩 ; 1fa9d
  scissors, pair of scissors ; 剪刀 ; 2702 ; +stationery
gear, cogwheel ; 齿轮 ; 2699 ; ?tool ?wheel ?ring shape
chain, chains ; 链条, 铁链 ; 26d3 ; ?tool ~link
link, chain link ; 链环 ; 1f517
weapon ; 武器 ; ; ?tool
  dagger, sword ; 匕首, 剑 ; 1f5e1 ; ~knife
    crossed swords ; 交叉的剑 ; 2694
  bow and arrow ; 弓箭, 弓和箭 ; 1f3f9 ; ?arrow
  bomb ; 炸弹 ; 1f4a3 ; ?ball
  shield ; 盾牌, 盾 ; 1f6e1
  gun, pistol, water gun ; 枪, 手枪, 水枪 ; 1f52b ; ?toy
trident ; 三叉戟 ; 1f531 ; ?weapon ?fork
boomerang ; 回旋镖 ; 1fa83 ; ?weapon ?toy ?sports equipment
key ; 钥匙 ; 1f511 1f5dd
lock, padlock ; 锁, 挂锁 ; 1f512 1f513 1f50f 1f510 ; ?key ?pen
balance scale, scales ; 天平 ; 2696 ; ?tool
test tube ; 试管 ; 1f9ea ; ?container ?bottle
petri dish ; 培养皿 ; 1f9eb ; ?container ?microbe
dna, double helix ; 脱氧核糖核酸, 双螺旋 ; 1f9ec
microscope ; 显微镜 ; 1f52c ; ?tool
telescope ; 望远镜 ; 1f52d ; ?tool
syringe, needle ; 注射器, 针筒 ; 1f489 ; ?tool
pill, capsule ; 药丸, 胶囊 ; 1f48a
bandage, band-aid, adhesive bandage ; 创可贴 ; 1fa79
crutch ; 拐杖 ; 1fa7c
stethoscope ; 听诊器 ; 1fa7a
blood drop, drop of blood ; 血滴 ; 1fa78 ; ~drop
thermometer ; 温度计 ; 1f321 ; ?tool
compass ; 指南针 ; 1f9ed ; ?clock
plunger ; 马桶搋子 ; 1faa0 ; ?tool
razor ; 剃须刀 ; 1fa92 ; ?tool
broom ; 扫帚 ; 1f9f9 ; ?tool
fire extinguisher ; 灭火器 ; 1f9ef
mouse trap, mousetrap ; 捕鼠器 ; 1faa4 ; ?cheese
basket ; 篮子, 筐 ; 1f9fa ; ?container
bucket, pail ; 水桶, 桶 ; 1faa3 ; ?container
soap, bar of soap ; 肥皂 ; 1f9fc
sponge ; 海绵 ; 1f9fd ; ?cheese
toothbrush ; 牙刷 ; 1faa5
lotion bottle, shampoo, lotion ; 乳液瓶, 洗发水 ; 1f9f4 ; ?bottle ?container
toilet paper, roll of paper ; 卫生纸, 卷纸 ; 1f9fb
safety pin ; 安全别针, 别针 ; 1f9f7
needle and thread, sewing needle ; 缝衣针, 缝合针 ; 1faa1 ; ?syringe ?thread
thread, spool of thread ; 线轴, 线 ; 1f9f5
yarn, ball of yarn ; 毛线球, 毛线 ; 1f9f6 ; ?ball
knot, rope ; 绳结, 绳子 ; 1faa2
brick, bricks ; 砖块, 砖 ; 1f9f1
cigarette ; 香烟, 烟 ; 1f6ac
coffin ; 棺材 ; 26b0
headstone, gravestone, tombstone ; 墓碑 ; 1faa6
box, package, cardboard box ; 箱子, 包裹, 纸箱 ; 1f4e6 ; ?container ?cube
container ; 容器 ; ; !abstract

furniture ; 家具 ; ; !tint
  bed ; 床 ; 1f6cf
  couch, sofa ; 沙发 ; 1f6cb ; ?lamp
  chair ; 椅子 ; 1fa91
  seat, airplane seat ; 座位, 座椅 ; 1f4ba ; ~chair
  bench ; 长椅, 长凳
  dining table, table ; 餐桌, 桌子
  file cabinet, filing cabinet ; 文件柜 ; 1f5c4
toilet ; 马桶, 坐便器 ; 1f6bd ; ?chair ?furniture
bathtub, bath ; 浴缸 ; 1f6c1 ; ?furniture
shower ; 淋浴 ; 1f6bf
door ; 门 ; 1f6aa
window ; 窗户, 窗 ; 1fa9f
mirror ; 镜子 ; 1fa9e ; ?picture frame
elevator ; 电梯 ; 1f6d7 ; ?door

electronic device, gadget ; 电子设备, 电器
  mobile phone, cell phone, smartphone ; 手机, 智能手机 ; 1f4f1
  computer ; 电脑, 计算机
    laptop, notebook computer ; 笔记本电脑 ; 1f4bb
    desktop computer, computer monitor ; 台式电脑 ; 1f5a5 ; ~television ?keyboard
  printer ; 打印机 ; 1f5a8 ; ~fax machine
  keyboard, computer keyboard ; 键盘 ; 2328
  computer mouse ; 电脑鼠标, 鼠标 ; 1f5b1
  trackball ; 轨迹球 ; 1f5b2 ; ~computer mouse
  television, tv ; 电视, 电视机 ; 1f4fa
  radio ; 收音机 ; 1f4fb
  telephone, phone ; 电话, 电话机 ; 260e ; ~mobile phone ?telephone receiver
  telephone receiver, handset ; 电话听筒, 听筒 ; 1f4de ; ~telephone ?mobile phone
  pager, beeper ; 寻呼机 ; 1f4df
  fax machine, fax ; 传真机 ; 1f4e0 ; ?telephone
  camera ; 相机, 照相机 ; 1f4f7 1f4f8
    video camera, camcorder ; 摄像机 ; 1f4f9
    movie camera ; 电影摄影机 ; 1f3a5 ; ~film projector ~video camera
  film projector, projector ; 放映机, 投影仪 ; 1f4fd ; ~video camera
  headphones, headphone, headset ; 耳机 ; 1f3a7
  game controller, gamepad, video game controller ; 游戏手柄 ; 1f3ae ; ?toy
  joystick ; 操纵杆, 摇杆 ; 1f579 ; ?toy ~game controller
  speaker, loudspeaker ; 音箱, 扬声器 ; 1f50a 1f508 1f509 ; ?megaphone
  remote control, remote ; 遥控器
  microwave, microwave oven ; 微波炉
  oven ; 烤箱 ; ; ~microwave
  refrigerator, fridge ; 冰箱
  toaster ; 烤面包机
microphone, mic ; 麦克风, 话筒 ; 1f3a4 1f399 ; ?electronic device
battery ; 电池 ; 1f50b 1faab
plug, electric plug ; 插头, 电源插头 ; 1f50c
floppy disk, diskette ; 软盘 ; 1f4be
disc, cd, dvd, compact disc ; 光盘, 碟片 ; 1f4bf 1f4c0 ; ?ring shape ?circle
minidisc ; 迷你光盘 ; 1f4bd ; ~floppy disk ~disc
videotape, video cassette, vhs tape ; 录像带 ; 1f4fc
satellite dish, satellite antenna ; 卫星天线 ; 1f4e1 ; ?satellite
light source ; 光源 ; ; !abstract
  light bulb, bulb ; 灯泡 ; 1f4a1 ; ?lamp
  flashlight, torch ; 手电筒 ; 1f526 ; ?lamp
  candle ; 蜡烛 ; 1f56f ; ?fire
  lantern, paper lantern ; 灯笼, 红灯笼 ; 1f3ee ; ?lamp
  diya, oil lamp ; 油灯 ; 1fa94 ; ?lamp ?fire ?candle
  lamp ; 灯
clock ; 时钟, 钟 ; 1f55b 1f550 1f552 1f556 1f559 1f570 ; ?circle
  alarm clock ; 闹钟 ; 23f0
stopwatch ; 秒表 ; 23f1 23f2 ; ~clock ~watch
watch, wristwatch ; 手表 ; 231a ; ~clock
hourglass, sand timer ; 沙漏 ; 231b 23f3
sink ; 水槽, 洗手池
hair dryer, hair drier ; 吹风机, 电吹风
parking meter ; 停车计时器
fire hydrant ; 消防栓
"""
